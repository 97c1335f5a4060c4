import type { Clock } from '../process/clock.ts';
import type { Candidate, Ruling, Standing } from '../targets/precedence.ts';
import type { Target, TargetFilter, TargetOrder, TopicUse, WholeTarget } from '../targets/record.ts';
import type { Subscription } from '../targets/subscription.ts';

/** What people do with targets. */
export interface TargetVerbs {
  /** The targets that match, by user and then by latest renewal. */
  listTargets(filter: TargetFilter): Promise<Target[]>;
  /** The ids of the targets that match: eight bytes each, where a million whole ones would be a gigabyte. */
  targetIds(filter: TargetFilter, order?: TargetOrder): Promise<number[]>;
  /** Of these targets those that still match, in the order of the ids. */
  targetsById(ids: readonly number[], filter?: TargetFilter): Promise<Target[]>;
  /** The subscriptions of one target, by owner and path. */
  subscriptionsOf(targetId: number): Promise<Subscription[]>;
  /** Of Mail. */
  countTargets(): Promise<TargetCount>;
  /** When the latest target until then registered, of Mail or of any kind; undefined where there is none. */
  lastRegistered(untilMs: number, of?: { ofMail: boolean }): Promise<number | undefined>;
  /** Removes those of these targets that still match, with all that belongs to them; gives them, as `ids` has them. */
  removeTargets(ids: readonly number[], filter: TargetFilter): Promise<Target[]>;
  /** The topics that phones were told. */
  topicsInUse(): Promise<TopicUse[]>;
  /** The first `limit` targets after that one, by user, token and account id; of one user where one is named. */
  exportTargets(after: TargetKey, limit: number, user?: string): Promise<WholeTarget[]>;
  /** The targets of these users, as far as they decide about others. */
  standingOf(users: readonly string[]): Promise<Map<string, Standing[]>>;
  /**
   * Takes as many of the candidates as `timeMs` allows, by the clock, one at least; gives what became of each of them.
   * `rule` decides between one and its user's targets.
   */
  importTargets(candidates: readonly Candidate[], terms: ImportTerms): Promise<Imported>;
}

export interface TargetCount {
  targets: number;
  users: number;
}

export type TargetKey = Pick<WholeTarget, 'user' | 'deviceToken' | 'accountId'>;

export interface ImportTerms {
  rule: (candidate: Candidate, standing: readonly Standing[]) => Ruling;
  timeMs: number;
  clock: Clock;
}

export interface Imported {
  rulings: Ruling[];
  /** How long the store was ours. */
  tookMs: number;
}
