import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Log } from '../process/log.ts';
import type { HandedOver } from '../process/handed-over.ts';
import type { ControlHears } from '../delivery/control.ts';
import type { ClosedDoor } from '../store/presence.ts';
import type { DictUse } from './dict-store.ts';
import type { Door } from './door.ts';
import type { StatusPage } from './http-page.ts';
import type { Receive } from './receive.ts';
import type { Subscriptions } from '../intake/subscriptions.ts';
import { KeptDoor } from './kept-door.ts';
import { type DoorKind, type WantedDoor, wantedDoors } from './wanted-doors.ts';

export interface DoorsOptions {
  receive: Receive;
  /** Works with the store, by its clock. */
  use: DictUse['use'];
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
  page: StatusPage;
  /** Those to Web Push, where that is switched on. */
  subscriptions: () => Promise<Subscriptions>;
  clock: Clock;
  log: Log;
}

export interface Doors extends Door {
  /** What is open, for the log. */
  names(): string[];
  /** Whether each that is wanted is open as it is wanted. */
  states(): { door: DoorKind; isOpen: boolean }[];
  /** Those that are not, and why. */
  closed(): ClosedDoor[];
  /** The same as a text, with the fix; undefined where all are. */
  trouble(): string | undefined;
  /**
   * Opens and closes what another configuration changes; all else stays open. A door that cannot be opened is told and
   * tried again, and the one before stays till then.
   */
  follow(config: Config): Promise<void>;
}

/**
 * Opens the doors that the configuration names; one that cannot be opened is told and tried again. Throws OperatorError
 * where only another configuration can open it, before anything is taken from another `serve`.
 */
export async function openDoors(config: Config, options: DoorsOptions): Promise<Doors> {
  const doors = new DoorSet(options);
  try {
    await doors.begin(config);
  } catch (error) {
    await doors.close();
    throw error;
  }
  return doors;
}

class DoorSet implements Doors {
  readonly #options: DoorsOptions;
  readonly #doors = new Map<DoorKind, KeptDoor>();

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  names(): string[] {
    return [...this.#doors.values()].flatMap(({ open }) => open?.name ?? []);
  }

  states(): { door: DoorKind; isOpen: boolean }[] {
    const wanted = [...this.#doors].filter(([, { open, trouble }]) => (open ?? trouble) !== undefined);
    return wanted.map(([door, { trouble }]) => ({ door, isOpen: trouble === undefined }));
  }

  closed(): ClosedDoor[] {
    return [...this.#doors.values()].flatMap(({ closed }) => closed ?? []);
  }

  trouble(): string | undefined {
    const troubles = [...this.#doors.values()].flatMap(({ trouble }) => trouble ?? []);
    return troubles.length === 0 ? undefined : troubles.join('; ');
  }

  /** Another `serve` wants that address. */
  readonly yieldsAt = (address: string): boolean => {
    if (this.#doors.get('http')?.open?.address !== address) return false;
    this.#options.onReplaced(address);
    return true;
  };

  async begin(config: Config): Promise<void> {
    const wanted = wantedDoors(config, this.#options, this);
    for (const { check } of wanted) check?.();
    for (const one of wanted) await this.#doorFor(one).begin(one, config);
  }

  async follow(config: Config): Promise<void> {
    const wanted = wantedDoors(config, this.#options, this);
    for (const one of wanted) await this.#doorFor(one).follow(one, config);
    for (const [kind, door] of this.#doors) if (!wanted.some((one) => one.kind === kind)) await door.leave();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#doors.values()].map((door) => door.close()));
  }

  #doorFor({ kind }: WantedDoor): KeptDoor {
    const door = this.#doors.get(kind) ?? new KeptDoor(this.#options);
    this.#doors.set(kind, door);
    return door;
  }
}
