import type { PushHistory } from './record.ts';
import type { NewTarget } from './target.ts';

/** Why something in a file is not taken. */
export interface Fault {
  /** One of few, free of what the file says: the report counts by it. */
  reason: string;
  /** What is special about this one; it may be anybody's text. */
  detail?: string | undefined;
}

/** A target that may be taken. Times are milliseconds since the epoch, undefined where the file has none. */
export interface Candidate {
  target: NewTarget;
  registeredMs: number | undefined;
  renewedMs: number | undefined;
  /** Undefined where the file keeps none. */
  history: PushHistory | undefined;
}

/** What decides between two targets of one user. Times are milliseconds since the epoch. */
export interface Standing {
  /** In the database. */
  id: number;
  deviceToken: string;
  accountId: string;
  subtopic: string;
  /** The limit counts each source by itself. */
  source: string;
  registeredMs: number;
  renewedMs: number;
}

/** A target that asks to be taken. */
export interface Arrival {
  deviceToken: string;
  accountId: string;
  subtopic: string;
  /** When it runs out; null or absent for Mail. */
  expiresMs?: number | null | undefined;
  source: string;
  registeredMs: number | undefined;
  /** Undefined: not known, so newer than nothing that is there. */
  renewedMs: number | undefined;
}

export interface PrecedenceRules {
  maxPerUser: number;
  /** When a target was renewed at the latest that does not say it. */
  latestMs: number;
}

/** What becomes of an arrival; `removed` are the standing targets that make way. */
export type Ruling =
  | { act: 'taken' | 'renewed'; registeredMs: number; renewedMs: number; removed: number[] }
  | { act: 'unchanged' }
  | { act: 'skipped'; fault: Fault };

const UNCHANGED: Ruling = { act: 'unchanged' };

/**
 * Decides by age between an arrival and its user's targets: the newer wins, equal ages change nothing, and so a
 * file that comes again finds things as it left them. Pure.
 */
export function ruleOn(arrival: Arrival, standing: readonly Standing[], rules: PrecedenceRules): Ruling {
  const sameDevice = standing.filter(({ deviceToken }) => deviceToken === arrival.deviceToken);
  const same = sameDevice.find(({ accountId }) => accountId === arrival.accountId);
  // A device has one account id of Mail at a time; of several the newest counts, as at registrations.
  const siblings = sameDevice.filter((each) => each !== same && isRival(each, arrival));
  const replaced = siblings.filter(({ renewedMs }) => renewedMs < (arrival.renewedMs ?? -Infinity));
  if (isOutdated(arrival, same, siblings, rules)) return UNCHANGED;
  const renewedMs = arrival.renewedMs ?? Math.min(rules.latestMs, ...siblings.map((each) => each.renewedMs));
  const registeredMs = Math.min(arrival.registeredMs ?? renewedMs, same?.registeredMs ?? Infinity);
  if (same !== undefined) return { act: 'renewed', registeredMs, renewedMs, removed: replaced.map(idOf) };
  const others = standing.filter((each) => isCounted(each, arrival) && !replaced.includes(each));
  const crowded = crowdedOut(arrival, others, rules.maxPerUser);
  if (crowded === undefined) return { act: 'skipped', fault: { reason: LIMIT } };
  return { act: 'taken', registeredMs, renewedMs, removed: [...replaced, ...crowded].map(idOf) };
}

const LIMIT = 'the user has targets.max_per_user newer devices';

function isOutdated(
  { renewedMs }: Arrival,
  same: Standing | undefined,
  siblings: readonly Standing[],
  { latestMs }: PrecedenceRules,
): boolean {
  if (same !== undefined && (renewedMs === undefined || renewedMs <= same.renewedMs)) return true;
  return siblings.some((each) => each.renewedMs > (renewedMs ?? latestMs));
}

/** A device may hear of any number of collections. */
function isRival(each: Standing, { subtopic, expiresMs = null }: Arrival): boolean {
  return each.subtopic === subtopic && expiresMs === null;
}

/** Each kind has the limit for itself. */
function isCounted(each: Standing, { source, subtopic }: Arrival): boolean {
  return each.source === source && each.subtopic === subtopic;
}

/** The devices that make way so that the newest remain; undefined where the arrival is not among the newest. */
function crowdedOut(
  arrival: Arrival,
  others: readonly Standing[],
  maxPerUser: number,
): Standing[] | undefined {
  const newestFirst = [...others].sort((a, b) => b.renewedMs - a.renewedMs || b.id - a.id);
  const places = [...new Set(newestFirst.map(placeOf))].filter((place) => place !== placeOf(arrival));
  const kept = new Set(places.slice(0, maxPerUser - 1)).add(placeOf(arrival));
  const crowded = newestFirst.filter((each) => !kept.has(placeOf(each)));
  const { renewedMs = -Infinity } = arrival;
  return crowded.some((each) => each.renewedMs >= renewedMs) ? undefined : crowded;
}

/** The devices that count for the limit: account ids of unknown age count singly until one of them is renewed. */
function placeOf({ deviceToken, subtopic }: Arrival | Standing): string {
  return `${deviceToken} ${subtopic}`;
}

function idOf({ id }: Standing): number {
  return id;
}
