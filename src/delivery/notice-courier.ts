import { setTimeout as pause } from 'node:timers/promises';
import { LEASE_MS } from '../outbox/timing.ts';
import { hostOf } from '../services/endpoint-name.ts';
import type { Store } from '../store/store.ts';
import type { Courier } from './courier.ts';
import { Lanes } from './lanes.ts';
import { createSending, type EndedNotice, type Leased, type SendingOptions } from './notice-sending.ts';
import type { ControlWord } from './poke.ts';

export interface NoticeCourierOptions extends SendingOptions {
  store: Pick<Store, 'takeNotices' | 'releaseNotices'>;
  /** Names this process in leases. */
  owner: string;
  /** At least this long between two notices to one endpoint. */
  throttleMs: number;
  newId: () => string;
  /** Called for each attempt after it is written down; `isHeld`: it was not made. */
  onSettled?: (ended: EndedNotice) => void;
}

/** Leased at once: a lease must hold until the last of them is answered. */
const MOST_LEASED = 200;

/** Answers of so long are written down together. */
const GATHERING_MS = 5;

/** While answers are waited for it is looked so often whether something else has become due. */
const LOOK_INTERVAL_MS = 1000;

/** Carries what waits for other push services to them. */
export class NoticeCourier {
  /** One server that is away is no reason for the others to rest. */
  readonly restMs = 0;
  readonly #options: NoticeCourierOptions;
  readonly #lanes: Lanes<Leased, EndedNotice | undefined>;
  readonly #ended: EndedNotice[] = [];
  #signal: AbortSignal | undefined;
  #progress: () => void = () => undefined;

  constructor(options: NoticeCourierOptions) {
    this.#options = options;
    const sending = createSending(options);
    this.#lanes = new Lanes<Leased, EndedNotice | undefined>({
      laneOf: ({ claimed: { endpoint } }) => ({
        group: endpoint.service,
        lane: `${endpoint.service} ${hostOf(endpoint) ?? ''}`,
      }),
      clock: options.clock,
      start: (leased) => sending.send(leased),
      held: (leased, restMs) => sending.hold(leased, restMs),
      onEnd: (ended) => {
        if (ended !== undefined) this.#ended.push(ended);
        this.#progress();
      },
    });
  }

  /** New notices may be due. A retry also ends the rest of those that failed. */
  nudge(word: ControlWord = 'poke'): void {
    if (word === 'retry') this.#lanes.resume();
    this.#progress();
  }

  /**
   * Sends what is due until nothing is, or the signal aborts. When it resolves, nothing is under way, every attempt is
   * written down, and what was leased and not sent is given back.
   */
  async drain(...[, signal]: Parameters<Courier['drain']>): Promise<void> {
    this.#signal = signal;
    const stop = (): void => {
      this.#lanes.clear();
      this.#progress();
    };
    signal?.addEventListener('abort', stop);
    try {
      while (await this.#round()) continue;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Gives whether there is more to do. */
  async #round(): Promise<boolean> {
    const progress = new Promise<void>((resolve) => (this.#progress = resolve));
    const leased = await this.#turn();
    if (this.#isOver) return this.#end(progress);
    this.#lanes.put(leased);
    if (this.#isIdle) return false;
    if (this.#ended.length === 0) await this.#wait(progress);
    if (this.#lanes.underWay > 0) await pause(GATHERING_MS);
    return true;
  }

  get #isOver(): boolean {
    return this.#signal?.aborted === true;
  }

  get #isIdle(): boolean {
    return this.#lanes.underWay === 0 && this.#ended.length === 0;
  }

  /** Starts nothing any more. When all has its answer, what is leased was not sent. */
  async #end(progress: Promise<void>): Promise<boolean> {
    if (this.#ended.length > 0) return true;
    if (this.#lanes.underWay === 0) await this.#options.store.releaseNotices([this.#options.owner]);
    else await progress;
    return this.#lanes.underWay > 0 || this.#ended.length > 0;
  }

  /** Writes down what has ended, and gives what may be sent next. What cannot be written now is kept. */
  async #turn(): Promise<Leased[]> {
    const { store, owner, throttleMs, newId, clock } = this.#options;
    const settled = this.#ended.splice(0);
    const limit = this.#room();
    if (settled.length === 0 && limit === 0) return [];
    const nowMs = clock.nowMs();
    const untilMs = clock.steadyMs() + LEASE_MS;
    const times = { nowMs, leaseUntilMs: nowMs + LEASE_MS, throttleMs };
    try {
      const claimed = await store.takeNotices({ settled, owner, limit, newId, ...times });
      for (const each of settled) this.#options.onSettled?.(each);
      return claimed.map((each) => ({ claimed: each, untilMs }));
    } catch (error) {
      this.#ended.unshift(...settled);
      throw error;
    }
  }

  #room(): number {
    if (this.#isOver) return 0;
    return Math.max(0, MOST_LEASED - this.#lanes.underWay - this.#lanes.waiting);
  }

  /** For an answer, or for something new. */
  async #wait(progress: Promise<void>): Promise<void> {
    const awake = new AbortController();
    await Promise.race([progress, this.#options.clock.sleep(LOOK_INTERVAL_MS, awake.signal)]);
    awake.abort();
  }
}
