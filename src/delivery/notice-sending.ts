import type { Clock } from '../process/clock.ts';
import type { ServiceName } from '../services/endpoint.ts';
import type { Service, ServiceOutcome } from '../services/service.ts';
import { settlementOfNotice } from '../services/settlement.ts';
import type { ClaimedNotice, SettledNotice } from '../store/endpoints.ts';
import type { LaneNews } from './lanes.ts';

export interface SendingOptions {
  /** Those that are switched on. */
  services: ReadonlyMap<ServiceName, Service>;
  /** Of each service, also of one that is switched off: what waits for it waits no longer. */
  giveUpMs: Readonly<Record<ServiceName, number>>;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
}

/** A notice with when its lease ends, by the steady clock. */
export interface Leased {
  claimed: ClaimedNotice;
  untilMs: number;
}

/** How it ended; `isHeld`: nobody was asked. */
export interface EndedNotice extends SettledNotice {
  isHeld: boolean;
}

export interface NoticeSending {
  /** Never rejects. No result where its lease would not outlast the answer: whoever leases it next sends it. */
  send(leased: Leased): Promise<{ result: EndedNotice | undefined; news: LaneNews }>;
  /** What becomes of it while its server is not asked. */
  hold(leased: Leased, restMs: number): EndedNotice;
}

/** An answer that takes longer is none. */
export const NOTICE_TIMEOUT_MS = 10_000;

/** Sends one notice after the other, each by its service. */
export function createSending({ services, giveUpMs, clock, random }: SendingOptions): NoticeSending {
  const end = (
    { claimed: { endpoint, notice, enqueuedMs }, claimed }: Leased,
    outcome: ServiceOutcome,
    attempts = claimed.attempts,
  ): EndedNotice => {
    const rules = { nowMs: clock.nowMs(), giveUpMs: giveUpMs[endpoint.service], random: random() };
    const settlement = settlementOfNotice({ attempts, enqueuedMs, eventMs: notice.eventMs }, outcome, rules);
    return { claimed, outcome, settlement, isHeld: false };
  };
  // Nobody was asked, so that its waits grow no longer by it.
  const hold = (leased: Leased, outcome: ServiceOutcome): EndedNotice => ({
    ...end(leased, outcome, 1),
    isHeld: true,
  });
  const isTooOld = ({ endpoint, notice, enqueuedMs }: ClaimedNotice): boolean =>
    clock.nowMs() >= Math.max(notice.eventMs, enqueuedMs) + giveUpMs[endpoint.service];
  return {
    send: async (leased) => {
      const { endpoint, notice } = leased.claimed;
      if (clock.steadyMs() + NOTICE_TIMEOUT_MS > leased.untilMs)
        return { result: undefined, news: 'nothing' };
      if (isTooOld(leased.claimed)) return { result: hold(leased, tooLate(endpoint)), news: 'nothing' };
      const service = services.get(endpoint.service);
      if (service === undefined) return { result: hold(leased, SWITCHED_OFF), news: 'nothing' };
      const outcome = await service.send(endpoint, notice, NOTICE_TIMEOUT_MS);
      return { result: end(leased, outcome), news: newsOf(outcome) };
    },
    hold: (leased, restMs) => hold(leased, { kind: 'retry', reason: RESTING, afterMs: restMs }),
  };
}

/** It is given up for its age then, by whatever it failed last. */
function tooLate({ lastError }: ClaimedNotice['endpoint']): ServiceOutcome {
  return { kind: 'retry', reason: lastError ?? 'it could not be sent in time' };
}

const RESTING = 'its server has failed several times in a row and is not asked for a while';
const SWITCHED_OFF: ServiceOutcome = { kind: 'misconfigured', reason: 'the service is switched off' };

/** What one endpoint is answered that is gone, or refused, its server has answered all the same. */
function newsOf({ kind }: ServiceOutcome): LaneNews {
  if (kind === 'misconfigured') return 'nothing';
  return kind === 'retry' ? 'fails' : 'works';
}
