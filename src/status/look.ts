import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../config/config.ts';
import type { Clock } from '../process/clock.ts';
import { type SpoolLook, spoolOf, type Status, statusOf } from './status.ts';
import { OperatorError } from '../process/errors.ts';
import { verdictOfTrouble, type Verdict } from './verdict.ts';

/** What is known where the store cannot be used. */
export interface NoStore {
  nowMs: number;
  /** That it does not work, why, and the fix. */
  verdict: Verdict;
  spool: SpoolLook;
}

/** What one look gives. */
export type Look = Status | NoStore;

/** Throws StoreError for an ordinary user: what they may not look at says nothing of the mail server. */
export async function lookAt(config: Config, clock: Clock, busyTimeoutMs?: number): Promise<Look> {
  try {
    return await statusOf(config, clock, busyTimeoutMs);
  } catch (error) {
    if (!(error instanceof OperatorError) || isForeign(config.store)) throw error;
    return { nowMs: clock.nowMs(), verdict: verdictOfTrouble(error), spool: spoolOf(config) };
  }
}

/** Whether the store is neither ours nor missing. Root has become its owner by now. */
function isForeign(store: string): boolean {
  const own = process.geteuid?.() ?? 0;
  try {
    const folder = statSync(dirname(store), { throwIfNoEntry: false });
    return folder !== undefined && own !== 0 && own !== folder.uid;
  } catch {
    return true; // it may not even be looked for
  }
}
