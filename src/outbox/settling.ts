import type { Outcome } from './outcome.ts';
import type { Attempt, Settled } from './attempt.ts';
import { PROBE_INTERVAL_MS } from './backoff.ts';
import { blamesDevice, type CredentialRecord, holdsAll, settlementOf } from './settlement.ts';

/** What the store has to say before attempts can be settled. */
export interface SettlingQuestion {
  server: string;
  /** Of the credentials that were used. */
  fingerprints: readonly string[];
  /** The targets that an outcome blames. */
  targetIds: readonly number[];
  /** Whether the number of all targets is needed: there may be a million. */
  counted: boolean;
}

export interface SettlingFacts {
  credentials: ReadonlyMap<string, CredentialRecord>;
  /** Since when a target has had no success although Apple answered; without those that have not failed. */
  failingSinceMs: ReadonlyMap<number, number>;
  targets: number;
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
export const NO_FACTS: SettlingFacts = { credentials: new Map(), failingSinceMs: new Map(), targets: 0 };

/** Undefined where nothing needs to be asked. Pure. */
export function questionOf(attempts: readonly Attempt[], server: string): SettlingQuestion | undefined {
  const troubled = attempts.filter(({ outcome }) => outcome.kind !== 'delivered');
  if (troubled.length === 0) return undefined;
  const blamed = troubled.filter(({ outcome }) => blamesDevice(outcome));
  return {
    server,
    fingerprints: [...new Set(troubled.map(({ fingerprint = '' }) => fingerprint))],
    targetIds: blamed.map(({ push }) => push.targetId),
    counted: troubled.some(({ outcome }) => outcome.kind === 'gone'),
  };
}

/** Decides about each attempt in turn: what came of one counts for the next of its credential and target. Pure. */
export function settleAll(
  attempts: readonly Attempt[],
  { credentials, failingSinceMs, targets }: SettlingFacts,
  { nowMs, giveUpMs, disableAfterMs, random, probes }: SettlingRules,
): Settled[] {
  const records = new Map(credentials);
  const failing = new Map(failingSinceMs);
  let left = targets;
  const probe = probes ? attempts.find(({ outcome }) => holdsAll(outcome)) : undefined;
  return attempts.map((attempt) => {
    const { push, outcome, unprocessed, fingerprint = '' } = attempt;
    const credential = records.get(fingerprint) ?? NO_RECORD;
    records.set(fingerprint, counted(credential, outcome, nowMs));
    const settlement = settlementOf(push, outcome, {
      nowMs,
      giveUpMs,
      disableAfterMs,
      random: random(),
      credential,
      targets: left,
      unprocessed,
      failingSinceMs: failing.get(push.targetId) ?? null,
      longestMs: attempt === probe ? PROBE_INTERVAL_MS : Infinity,
    });
    if (settlement.removeTarget) left -= 1;
    if (outcome.kind === 'delivered') failing.delete(push.targetId);
    else if (blamesDevice(outcome) && !failing.has(push.targetId)) failing.set(push.targetId, nowMs);
    return { attempt, settlement };
  });
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
