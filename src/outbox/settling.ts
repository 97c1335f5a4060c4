import type { Outcome } from './outcome.ts';
import type { Attempt, Settled } from './attempt.ts';
import { PROBE_INTERVAL_MS } from './backoff.ts';
import { blamesDevice, type CredentialRecord, enoughTargets, holdsAll, settlementOf } from './settlement.ts';

/** What the store has to say before attempts can be settled. */
export interface SettlingQuestion {
  server: string;
  /** Of the credentials that were used. */
  fingerprints: readonly string[];
  /** The targets that an outcome blames. */
  targetIds: readonly number[];
  /**
   * How many targets of Mail are counted at most, there may be a million, by the 410 answers that a credential has had since its
   * latest success; undefined: none need be.
   */
  countTo: ((gone: number) => number) | undefined;
}

export interface SettlingFacts {
  credentials: ReadonlyMap<string, CredentialRecord>;
  /** Those of the targets asked about that are still there. */
  blamed: ReadonlyMap<number, BlamedTarget>;
  /** How many of Mail there are in all, or as many as were counted at most. */
  targets: number;
}

export interface BlamedTarget {
  renewedMs: number;
  /** Since when it has had no success although Apple answered; null where it has not failed. */
  failingSinceMs: number | null;
}

export interface SettlingRules {
  nowMs: number;
  giveUpMs: number;
  /** A target that has failed for so long gets no more pushes until it registers again. */
  disableAfterMs: number;
  /** In [0, 1). */
  random: () => number;
  /** One of the attempts that hold all is to be made again soon: see PROBE_INTERVAL_MS. */
  probes: boolean;
}

/** Nothing has to be known to settle what was delivered. */
export const NO_FACTS: SettlingFacts = { credentials: new Map(), blamed: new Map(), targets: 0 };

/** Undefined where nothing needs to be asked. Pure. */
export function questionOf(attempts: readonly Attempt[], server: string): SettlingQuestion | undefined {
  const troubled = attempts.filter(({ outcome }) => outcome.kind !== 'delivered');
  if (troubled.length === 0) return undefined;
  const blamed = troubled.filter(({ outcome }) => blamesDevice(outcome));
  const gone = troubled.filter(({ outcome }) => outcome.kind === 'gone').length;
  return {
    server,
    fingerprints: [...new Set(troubled.map(({ fingerprint = '' }) => fingerprint))],
    targetIds: blamed.map(({ push }) => push.targetId),
    countTo: gone === 0 ? undefined : (before) => enoughTargets(before + gone),
  };
}

/** Decides about each attempt in turn: what came of one counts for the next of its credential and target. Pure. */
export function settleAll(
  attempts: readonly Attempt[],
  facts: SettlingFacts,
  { nowMs, giveUpMs, disableAfterMs, random, probes }: SettlingRules,
): Settled[] {
  const records = new Map(facts.credentials);
  const blamed = new Map(facts.blamed);
  const probe = probes ? attempts.find(({ outcome }) => holdsAll(outcome)) : undefined;
  return attempts.map((attempt) => {
    const { push, outcome, unprocessed, fingerprint = '' } = attempt;
    const credential = records.get(fingerprint) ?? NO_RECORD;
    const target = blamed.get(push.targetId);
    records.set(fingerprint, counted(credential, outcome, nowMs));
    const settlement = settlementOf(push, outcome, {
      nowMs,
      giveUpMs,
      disableAfterMs,
      random: random(),
      credential,
      targets: facts.targets - (facts.blamed.size - blamed.size),
      unprocessed,
      failingSinceMs: target?.failingSinceMs ?? null,
      longestMs: attempt === probe ? PROBE_INTERVAL_MS : Infinity,
    });
    if (target === undefined) return { attempt, settlement };
    // One that has registered again meanwhile is not removed.
    if (settlement.removeTarget && target.renewedMs === push.renewedMs) blamed.delete(push.targetId);
    else blamed.set(push.targetId, afterwards(target, outcome, nowMs));
    return { attempt, settlement };
  });
}

function afterwards(target: BlamedTarget, outcome: Outcome, nowMs: number): BlamedTarget {
  if (outcome.kind === 'delivered') return { ...target, failingSinceMs: null };
  return blamesDevice(outcome) ? { ...target, failingSinceMs: target.failingSinceMs ?? nowMs } : target;
}

/** Of a credential that was never used. */
export const NO_RECORD: CredentialRecord = { successes: 0, badTokens: 0, gone: 0, lastSuccessMs: null };

/** The record after one more attempt. Pure. */
export function counted(record: CredentialRecord, outcome: Outcome, nowMs: number): CredentialRecord {
  if (outcome.kind === 'delivered')
    return { successes: record.successes + 1, badTokens: 0, gone: 0, lastSuccessMs: nowMs };
  if (outcome.kind === 'rejected' && outcome.badDeviceToken)
    return { ...record, badTokens: record.badTokens + 1 };
  return outcome.kind === 'gone' ? { ...record, gone: record.gone + 1 } : record;
}
