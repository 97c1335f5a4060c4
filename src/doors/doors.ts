import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { ExitCode, messageOf, OperatorError } from '../errors.ts';
import type { Log } from '../log.ts';
import { openCyrusDoor } from './cyrus.ts';
import type { Door } from './door.ts';
import { type HttpSettings, openHttpDoor } from './http.ts';
import type { Receive } from './receive.ts';
import { openSpoolDoor } from './spool.ts';

export interface DoorsOptions {
  receive: Receive;
  /** Takes every file that waits in the spool. */
  takeSpool: () => Promise<void>;
  /** Hears handlers at the control socket of that configuration until the signal. */
  keepControl: (config: Config, ending: AbortSignal) => Promise<void>;
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
    for (const wanted of wantedDoors(config, options)) await doors.open(wanted, config);
  } catch (error) {
    await doors.close();
    throw error;
  }
  return doors;
}

/** What each kind of door is, at most one of each. */
type Kind = 'spool' | 'control' | 'cyrus' | 'http';

interface WantedDoor {
  kind: Kind;
  /** Another place is another door. */
  place: string;
  open: () => Promise<OpenDoor> | OpenDoor;
}

interface OpenDoor extends Door {
  /** For the log. */
  name: string;
  /** Takes on what does not need another door. */
  change?: (config: Config) => void;
}

class DoorSet implements Doors {
  readonly #options: DoorsOptions;
  readonly #open = new Map<Kind, OpenDoor & { place: string }>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  names(): string[] {
    return [...this.#open.values()].map(({ name }) => name);
  }

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
    const wanted = wantedDoors(config, this.#options);
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

function wantedDoors(config: Config, options: DoorsOptions): WantedDoor[] {
  const { spool, control, store, serve } = config;
  const { takeSpool, clock, log, receive } = options;
  const { cyrusSocket: path, http } = serve;
  const wanted: WantedDoor[] = [
    {
      kind: 'spool',
      place: spool,
      open: () => ({ ...openSpoolDoor({ spool, drain: takeSpool, clock, log }), name: `spool ${spool}` }),
    },
  ];
  if (path !== undefined)
    wanted.push({
      kind: 'cyrus',
      place: path,
      open: async () => ({ ...(await openCyrusDoor({ path, receive, log })), name: `cyrus ${path}` }),
    });
  if (http !== undefined)
    wanted.push({ kind: 'http', place: http, open: () => openHttp(http, config, options) });
  // The last, since it says to handlers that somebody delivers.
  wanted.push({ kind: 'control', place: `${store} ${control}`, open: () => openControl(config, options) });
  return wanted;
}

async function openHttp(listen: string, config: Config, options: DoorsOptions): Promise<OpenDoor> {
  const { receive, ready, log } = options;
  const door = await openHttpDoor({ listen, receive, ready, log, ...httpSettings(config, options) });
  return {
    name: `http ${door.address}`,
    change: (next) => door.change(httpSettings(next, options)),
    close: () => door.close(),
  };
}

function httpSettings({ serve }: Config, { metrics }: DoorsOptions): HttpSettings {
  return {
    metrics: serve.metrics ? metrics : undefined,
    authorization: serve.httpPasswordFile === undefined ? undefined : readPassword(serve.httpPasswordFile),
  };
}

function openControl(config: Config, { keepControl }: DoorsOptions): OpenDoor {
  const ending = new AbortController();
  const kept = keepControl(config, ending.signal);
  return {
    name: `control ${config.control}`,
    close: () => {
      ending.abort();
      return kept;
    },
  };
}

/** `name:password`, one line. Throws OperatorError (exit 78), which never shows what the file holds. */
function readPassword(file: string): string {
  const refuse = (why: string): OperatorError =>
    new OperatorError(`serve.http_password_file: ${file} ${why}`, {
      exitCode: ExitCode.configuration,
      hint: 'write one line name:password into it, readable by the user that serve runs as',
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw refuse(`cannot be read (${messageOf(error)})`);
  }
  const line = text.replace(/\r?\n$/, '');
  if (!/^[^:\r\n]+:[^\r\n]+$/.test(line)) throw refuse('does not hold one line name:password');
  return line;
}
