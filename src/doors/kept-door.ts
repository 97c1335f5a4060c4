import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { createReminder } from '../process/reminder.ts';
import type { ClosedDoor } from '../store/presence.ts';
import type { Door } from './door.ts';
import type { OpenDoor, WantedDoor } from './wanted-doors.ts';

/** How often it is tried to open a door: whoever looks for it meanwhile finds nobody. */
const RETRY_INTERVAL_MS = 1000;

const AS_BEFORE = 'as it was before';

/** One kind of door. It is tried again until it is open as the configuration wants it, and the former one stays open meanwhile. */
export class KeptDoor {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #reminder;
  readonly #closing = new Set<Promise<void>>();
  #open: (OpenDoor & { place: string }) | undefined;
  #closed: ClosedDoor | undefined;
  #ending = new AbortController();
  #trying: Promise<void> = Promise.resolve();

  constructor({ clock, log }: { clock: Clock; log: Log }) {
    this.#clock = clock;
    this.#log = log;
    this.#reminder = createReminder(clock);
  }

  get open(): OpenDoor | undefined {
    return this.#open;
  }

  /** Why it is not open as it is wanted; undefined where it is. */
  get closed(): ClosedDoor | undefined {
    return this.#closed;
  }

  /** The same as a text, with the fix. */
  get trouble(): string | undefined {
    if (this.#closed === undefined) return undefined;
    const { door, isAsBefore, reason, fix } = this.#closed;
    const stands = isAsBefore ? AS_BEFORE : 'closed';
    return `the door ${door} is ${stands}, and tried again: ${reason}${fix === null ? '' : `; fix: ${fix}`}`;
  }

  /** Throws OperatorError for what only another configuration can cure. */
  async begin(wanted: WantedDoor, config: Config): Promise<void> {
    try {
      await this.#openAs(wanted, config, true);
    } catch (error) {
      if (error instanceof OperatorError && error.exitCode === ExitCode.configuration) throw error;
      this.#goOn(error, wanted, config);
    }
  }

  /** Takes on another configuration; whatever keeps it from that is told. */
  async follow(wanted: WantedDoor, config: Config): Promise<void> {
    await this.#stopTrying();
    this.#ending = new AbortController();
    await this.#openAs(wanted, config).catch((error: unknown) => this.#goOn(error, wanted, config));
  }

  /** It is not wanted any more: closes it, and does not wait for that. */
  async leave(): Promise<void> {
    await this.#stopTrying();
    this.#retire(this.#open);
    this.#open = this.#closed = undefined;
  }

  async close(): Promise<void> {
    await this.leave();
    await Promise.all(this.#closing);
  }

  /** The new one is open before the old one closes. */
  async #openAs({ place, open }: WantedDoor, config: Config, isPatient = false): Promise<void> {
    const before = this.#open;
    if (before?.place === place) before.change?.(config);
    else {
      this.#open = { ...(await open({ isPatient, ending: this.#ending.signal })), place };
      this.#retire(before);
    }
    this.#closed = undefined;
    this.#reminder.clear();
  }

  #goOn(error: unknown, wanted: WantedDoor, config: Config): void {
    this.#note(error, wanted);
    this.#trying = this.#tryAgain(wanted, config);
  }

  async #tryAgain(wanted: WantedDoor, config: Config): Promise<void> {
    const { signal } = this.#ending;
    for (;;) {
      await this.#clock.sleep(RETRY_INTERVAL_MS, signal);
      if (signal.aborted) return;
      try {
        await this.#openAs(wanted, config);
        this.#log.info('a door can be opened now', { door: this.#open?.name });
        return;
      } catch (error) {
        this.#note(error, wanted);
      }
    }
  }

  #note(error: unknown, { kind }: WantedDoor): void {
    const reason = messageOf(error);
    const hint = error instanceof OperatorError && error.hint !== '' ? error.hint : undefined;
    const isAsBefore = this.#open !== undefined;
    const sinceMs = this.#closed?.sinceMs ?? this.#clock.nowMs();
    this.#closed = { door: kind, isAsBefore, sinceMs, reason, fix: hint ?? null };
    if (!this.#reminder.isDue(reason)) return;
    const fields = { door: kind, stands: isAsBefore ? AS_BEFORE : 'closed', reason, hint };
    this.#log.error('a door cannot be opened as configured: it is tried again until it can', fields);
  }

  async #stopTrying(): Promise<void> {
    this.#ending.abort();
    await this.#trying;
  }

  #retire(door: Door | undefined): void {
    if (door === undefined) return;
    const closed = door.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}
