import type { Config } from '../config/config.ts';
import { hostNameOf } from '../config/host-name.ts';
import { explanation } from '../history/command.ts';
import { concernsDevice, type Entry, isAbout, type PushEntry } from '../history/entry.ts';
import { type KeptHistory, withHistory } from '../history/kept.ts';
import { userMatcher } from '../mailboxes/user-name.ts';
import type { Clock } from '../process/clock.ts';
import { messageOf, OperatorError } from '../process/errors.ts';
import { VERSION } from '../process/installation.ts';
import { lookAt } from '../status/look.ts';
import { withStore } from '../store/configured.ts';
import type { Age } from './figures.ts';
import type { Events } from './events.ts';
import type { PageData } from './page.ts';
import { DAY_MS, pushesOf } from './pushes.ts';

/** The events that a person still reads through. */
const EVENTS = 100;

/** The newest entries that are read for the plot, and on each shelf for a user: a second's work. */
const MAX_ENTRIES = 100_000;

/** Looks at all that the page tells, with the events of one user, or of all where that is ''. Throws StoreError. */
export async function gather(
  config: Config,
  clock: Clock,
  user: string,
  mostEntries = MAX_ENTRIES,
): Promise<PageData> {
  const look = await lookAt(config, clock);
  const { nowMs } = look;
  const maxEntries = Math.min(config.history.maxEntries, mostEntries);
  const told = { host: hostNameOf(config.postgres), version: VERSION, look };
  const noStore = { trouble: 'not known' };
  const ages =
    'verdict' in look ? noStore : await orTrouble(() => agesIn(config, look.targets.targets, nowMs));
  const known = await orTrouble(() =>
    withHistory(config, async (history) => ({
      pushes: await pushesIn(history, config, { nowMs, maxEntries }),
      events: await eventsIn(history, config, { user, nowMs, maxEntries }),
    })),
  );
  if (!('trouble' in known)) return { ...told, ages, ...known };
  return { ...told, ages, pushes: known, events: { ...NO_EVENTS, user, entries: known } };
}

const NO_EVENTS = { explanation: undefined, limit: EVENTS };

/** What cannot be read now is told in its place, and the rest of the page beside it. */
async function orTrouble<T>(read: () => Promise<T>): Promise<T | { trouble: string }> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { trouble: `not known: ${messageOf(error)}` };
  }
}

/** Most renew daily: few are found one by one. */
async function agesIn(config: Config, targets: number, nowMs: number): Promise<Age[]> {
  const between = async (fromDays: number, untilDays: number): Promise<number> => {
    const [renewedBeforeMs, renewedSinceMs] = [nowMs - fromDays * DAY_MS, nowMs - untilDays * DAY_MS];
    return (
      await withStore(config, (store) => store.targetIds({ renewedBeforeMs, renewedSinceMs, ofMail: true }))
    ).length;
  };
  const [days, week, older] = [await between(1, 2), await between(2, 7), await between(7, nowMs / DAY_MS)];
  return [
    { text: 'within a day', devices: Math.max(0, targets - days - week - older) },
    { text: '1 to 2 days ago', devices: days },
    { text: '2 to 7 days ago', devices: week },
    { text: 'more than a week ago', devices: older },
  ];
}

async function pushesIn(
  history: KeptHistory,
  config: Config,
  { nowMs, maxEntries }: { nowMs: number; maxEntries: number },
): Promise<PageData['pushes']> {
  if (maxEntries === 0) return { trouble: 'not known: history.max_entries is 0' };
  const fromMs = nowMs - Math.min(config.history.maxAgeMs, DAY_MS);
  const keptSinceMs = fromMs > nowMs - DAY_MS ? fromMs : undefined;
  const entries = await history.read({
    ...{ limit: Infinity, sinceMs: fromMs, maxEntries, shelves: ['devices'], wanted: () => true },
  });
  const sinceMs = entries.length < maxEntries ? keptSinceMs : entries[0]?.atMs;
  return pushesOf(entries.filter(isPush), { nowMs, sinceMs });
}

function isPush(entry: Entry): entry is PushEntry {
  return entry.kind === 'push';
}

async function eventsIn(
  history: KeptHistory,
  config: Config,
  { user, nowMs, maxEntries }: { user: string; nowMs: number; maxEntries: number },
): Promise<Events> {
  const isWanted = userMatcher(user, config.users);
  const reading = noteReading(maxEntries);
  const wanted = (entry: Entry): boolean => {
    reading.note(entry);
    return user === '' || isAbout(entry, isWanted);
  };
  const sinceMs = nowMs - config.history.maxAgeMs;
  const entries = await history.read({ limit: EVENTS, sinceMs, maxEntries, wanted });
  const isSilent = entries.every(({ kind }) => user !== '' && kind === 'trouble'); // that is about everybody
  const why = isSilent ? await explanation(config, user === '' ? undefined : user) : undefined;
  return { user, entries, explanation: why, limit: EVENTS, sinceMs: reading.sinceMs() };
}

/** Tells since when all was seen, the newest first; undefined where no shelf can hold older entries than were seen. */
function noteReading(maxEntries: number): {
  note: (entry: Entry) => void;
  sinceMs: () => number | undefined;
} {
  const shelves = new Map<boolean, { entries: number; sinceMs: number }>();
  return {
    note: (entry) => {
      const shelf = concernsDevice(entry);
      shelves.set(shelf, { entries: (shelves.get(shelf)?.entries ?? 0) + 1, sinceMs: entry.atMs });
    },
    sinceMs: () => {
      const full = [...shelves.values()].filter(({ entries }) => entries >= maxEntries);
      return full.length === 0 ? undefined : Math.max(...full.map(({ sinceMs }) => sinceMs));
    },
  };
}
