import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { messageOf, OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import type { HandedOver } from '../process/handed-over.ts';
import type { ControlHears } from '../delivery/control.ts';
import type { Door } from './door.ts';
import type { Receive } from './receive.ts';
import { type DoorKind, type OpenDoor, type WantedDoor, wantedDoors } from './wanted-doors.ts';

export interface DoorsOptions {
  receive: Receive;
  /** Takes every file that waits in the spool. */
  takeSpool: () => Promise<void>;
  /** Hears handlers at the control socket of that configuration until the signal. */
  keepControl: (
    config: Config,
    onYield: Required<ControlHears>['onYield'],
    ending: AbortSignal,
  ) => Promise<void>;
  onWord: ControlHears['onWord'];
  /** Called when another process has the socket, or wants the address, that a door listens at. */
  onReplaced: (at: string) => void;
  /** Sockets that systemd holds: they serve whatever the configuration names. */
  handedOver: HandedOver;
  ready: () => { ready: boolean; reason?: string };
  /** Prometheus text. */
  metrics: () => Promise<string>;
  clock: Clock;
  log: Log;
}

export interface Doors extends Door {
  /** What is open, for the log. */
  names(): string[];
  /**
   * Opens and closes what another configuration changes; all else stays open. A door that cannot be opened is told, and
   * the one before stays.
   */
  follow(config: Config): Promise<void>;
}

/** Opens the doors that the configuration names, all or none. Throws OperatorError where one cannot be opened. */
export async function openDoors(config: Config, options: DoorsOptions): Promise<Doors> {
  const doors = new DoorSet(options);
  try {
    const wanted = wantedDoors(config, options, doors);
    for (const { check } of wanted) await check?.();
    for (const one of wanted) await doors.open(one, config);
  } catch (error) {
    await doors.close();
    throw error;
  }
  return doors;
}

class DoorSet implements Doors {
  readonly #options: DoorsOptions;
  readonly #open = new Map<DoorKind, OpenDoor & { place: string }>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  names(): string[] {
    return [...this.#open.values()].map(({ name }) => name);
  }

  /** Another `serve` wants that address, or only asks whether it would get it. */
  readonly yieldsAt = (address: string, isQuestion: boolean): boolean => {
    const http = this.#open.get('http');
    if (http === undefined || http.address !== address) return false;
    if (!isQuestion) this.#options.onReplaced(address);
    return true;
  };

  /** The new one is open before the old one closes. */
  async open({ kind, place, open }: WantedDoor, config: Config): Promise<void> {
    const before = this.#open.get(kind);
    if (before?.place === place) {
      before.change?.(config);
      return;
    }
    this.#open.set(kind, { ...(await open()), place });
    this.#retire(before);
  }

  async follow(config: Config): Promise<void> {
    const { log } = this.#options;
    const wanted = wantedDoors(config, this.#options, this);
    for (const one of wanted) {
      await this.open(one, config).catch((error: unknown) => {
        const hint = error instanceof OperatorError ? error.hint : undefined;
        log.error(
          'a door cannot be opened as configured now; all others are open, and so is the one before it',
          {
            door: one.kind,
            reason: messageOf(error),
            hint,
          },
        );
      });
    }
    for (const [kind, door] of this.#open) {
      if (wanted.some((one) => one.kind === kind)) continue;
      this.#open.delete(kind);
      this.#retire(door);
    }
  }

  async close(): Promise<void> {
    for (const door of this.#open.values()) this.#retire(door);
    await Promise.all(this.#closing);
  }

  #retire(door: Door | undefined): void {
    if (door === undefined) return;
    const closed = door.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}
