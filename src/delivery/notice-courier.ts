import { setTimeout as pause } from 'node:timers/promises';
import { LEASE_MS } from '../outbox/timing.ts';
import type { Clock } from '../process/clock.ts';
import type { ServiceName } from '../services/endpoint.ts';
import { hostOf } from '../services/endpoint-name.ts';
import type { Service, ServiceOutcome } from '../services/service.ts';
import { type NoticeSettlement, settlementOfNotice } from '../services/settlement.ts';
import type { ClaimedNotice, SettledNotice } from '../store/endpoints.ts';
import type { Store } from '../store/store.ts';
import type { Courier } from './courier.ts';
import { type LaneNews, Lanes } from './lanes.ts';
import type { ControlWord } from './poke.ts';

export interface NoticeCourierOptions {
  store: Pick<Store, 'takeNotices' | 'releaseNotices'>;
  /** Those that are switched on. */
  services: ReadonlyMap<ServiceName, Service>;
  /** Of each service, also of one that is switched off: what waits for it waits no longer. */
  giveUpMs: Readonly<Record<ServiceName, number>>;
  /** Names this process in leases. */
  owner: string;
  /** At least this long between two notices to one endpoint. */
  throttleMs: number;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  newId: () => string;
  /** Called for each attempt after it is written down; `isHeld`: it was not made. */
  onSettled?: (ended: EndedNotice) => void;
}

export interface EndedNotice extends SettledNotice {
  isHeld: boolean;
}

/** An answer that takes longer is none. */
export const NOTICE_TIMEOUT_MS = 10_000;

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
    this.#lanes = new Lanes<Leased, EndedNotice | undefined>({
      laneOf: ({ claimed: { endpoint } }) => ({
        group: endpoint.service,
        lane: `${endpoint.service} ${hostOf(endpoint) ?? ''}`,
      }),
      clock: options.clock,
      start: (leased) => this.#send(leased),
      held: ({ claimed }, restMs) =>
        this.#endOf(claimed, { kind: 'retry', reason: RESTING, afterMs: restMs }, true),
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

  /** Undefined where its lease would not outlast the answer: whoever leases it next sends it. */
  async #send({ claimed, untilMs }: Leased): Promise<{ result: EndedNotice | undefined; news: LaneNews }> {
    const { services, clock } = this.#options;
    if (clock.steadyMs() + NOTICE_TIMEOUT_MS > untilMs) return { result: undefined, news: 'nothing' };
    const tooOld = this.#tooOld(claimed);
    if (tooOld !== undefined) return { result: tooOld, news: 'nothing' };
    const { endpoint, notice } = claimed;
    const service = services.get(endpoint.service);
    if (service === undefined) return { result: this.#endOf(claimed, SWITCHED_OFF, true), news: 'nothing' };
    const outcome = await service.send(endpoint, notice, NOTICE_TIMEOUT_MS);
    return { result: this.#endOf(claimed, outcome, false), news: newsOf(outcome) };
  }

  #tooOld(claimed: ClaimedNotice): EndedNotice | undefined {
    const { clock, giveUpMs } = this.#options;
    const { endpoint, notice, enqueuedMs } = claimed;
    const atMs = Math.max(notice.eventMs, enqueuedMs);
    if (clock.nowMs() < atMs + giveUpMs[endpoint.service]) return undefined;
    const outcome: ServiceOutcome = { kind: 'retry', reason: endpoint.lastError ?? NOT_TRIED };
    const settlement: NoticeSettlement = {
      ...{ row: 'finished', removeEndpoint: false, gaveUp: true },
      reason: outcome.reason,
    };
    return { claimed, outcome, settlement, isHeld: true };
  }

  #endOf(claimed: ClaimedNotice, outcome: ServiceOutcome, isHeld: boolean): EndedNotice {
    const { clock, giveUpMs, random } = this.#options;
    const { attempts, enqueuedMs, notice, endpoint } = claimed;
    const rules = { nowMs: clock.nowMs(), giveUpMs: giveUpMs[endpoint.service], random: random() };
    const settlement = settlementOfNotice({ attempts, enqueuedMs, eventMs: notice.eventMs }, outcome, rules);
    return { claimed, outcome, settlement, isHeld };
  }
}

/** With when its lease ends, by the steady clock. */
interface Leased {
  claimed: ClaimedNotice;
  untilMs: number;
}

const RESTING = 'its server has failed several times in a row and is not asked for a while';
const NOT_TRIED = 'it could not be sent in time';
const SWITCHED_OFF: ServiceOutcome = { kind: 'misconfigured', reason: 'the service is switched off' };

/** What one endpoint is answered that is gone, or refused, its server has answered all the same. */
function newsOf({ kind }: ServiceOutcome): LaneNews {
  if (kind === 'misconfigured') return 'nothing';
  return kind === 'retry' ? 'fails' : 'works';
}
