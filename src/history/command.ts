import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { withStore } from '../store/configured.ts';
import { comparableUser, isUserPattern, userMatcher } from '../mailboxes/user-name.ts';
import { countOf, visible } from '../process/text.ts';
import type { Surroundings } from '../process/surroundings.ts';
import { IN_FULL, type Layout } from '../terminal/layout.ts';
import { growingTable } from '../terminal/table.ts';
import { page, painter } from '../terminal/terminal.ts';
import { type Entry, isAbout } from './entry.ts';
import { withHistory } from './kept.ts';
import { colourOf, forPrograms, HEADINGS, rowOf, withHost } from './row.ts';
import { type Shelf, SHELVES } from './shelf.ts';
import { safeJson } from '../process/safe-json.ts';

export interface LogOptions {
  /** The name of a user, or a pattern. */
  user: string | undefined;
  /** Not older than this instant. */
  sinceMs: number;
  /** At most so many of the newest. */
  limit: number;
  /** Without what concerned no device. */
  pushes: boolean;
  /** With the apns-id of each push. */
  verbose: boolean;
  json: boolean;
  colour: boolean;
  layout: Layout;
}

/** Tells the newest entries of the history, oldest first; where there is none, why there may be none. */
export async function logCommand(
  config: Config,
  options: LogOptions,
  around: Pick<Surroundings, 'clock' | 'stdout' | 'env' | 'onSignals'>,
): Promise<void> {
  const { user, json, limit } = options;
  const selection = {
    limit,
    sinceMs: Math.max(options.sinceMs, around.clock.nowMs() - config.history.maxAgeMs),
    maxEntries: config.history.maxEntries,
    shelves: shelvesOf(options),
    wanted: selectionOf(config, options),
    user: oneUserOf(config, user),
  };
  const [entries, isShared] = await withHistory(
    config,
    async (history) => [await history.read(selection), history.isShared] as const,
  );
  if (entries.length > 0 || json) await page(textOf(options, isShared)(entries), around);
  else await page(`no entries; ${await explanation(config, user)}\n`, around);
}

/** Tells each entry as it is written, until the signal aborts. */
export async function followCommand(
  config: Config,
  options: LogOptions,
  { clock, signal, out }: { clock: Clock; signal: AbortSignal; out: (text: string) => void },
): Promise<void> {
  const wanted = selectionOf(config, options);
  // An age is true only when it is written.
  const layout = { ...options.layout, time: IN_FULL.time };
  const shelves = shelvesOf(options);
  await withHistory(config, async (history) => {
    const shown = textOf({ ...options, layout }, history.isShared);
    const onEntry = (entry: Entry): void => {
      if (wanted(entry)) out(shown([entry]));
    };
    await history.follow({ shelves, clock, signal, onEntry });
  });
}

function shelvesOf({ pushes }: LogOptions): readonly Shelf[] {
  return pushes ? ['devices'] : SHELVES;
}

/** Undefined for a pattern. */
function oneUserOf({ users }: Config, user: string | undefined): string | undefined {
  return user === undefined || isUserPattern(user) ? undefined : comparableUser(user, users);
}

function selectionOf({ users }: Config, { user }: LogOptions): (entry: Entry) => boolean {
  if (user === undefined) return () => true;
  const isWanted = userMatcher(user, users);
  return (entry) => isAbout(entry, isWanted);
}

/** Gives the text of entries that come one part after the other; of a shared history it names the hosts. */
function textOf(
  { json, verbose, colour, layout }: LogOptions,
  isShared: boolean,
): (entries: readonly Entry[]) => string {
  if (json) return (entries) => entries.map((entry) => `${safeJson(forPrograms(entry))}\n`).join('');
  let shown: readonly Entry[] = [];
  const paint = painter(colour);
  const headings = isShared ? withHost(HEADINGS, 'HOST') : HEADINGS;
  const rowsOf = growingTable(headings, layout.columns, (line, row) => {
    const name = shown[row] === undefined ? undefined : colourOf(shown[row]);
    return name === undefined ? line : paint(line, name);
  });
  return (entries) => {
    shown = entries;
    return rowsOf(
      entries.map((entry) => {
        const row = rowOf(entry, layout, verbose);
        return isShared ? withHost(row, entry.host ?? '') : row;
      }),
    );
  };
}

/** Why there may be nothing to tell of a user: the first question is whether a device has registered. */
export async function explanation(config: Config, user: string | undefined): Promise<string> {
  if (config.history.maxEntries === 0) return 'history.max_entries is 0, so none are kept';
  if (user === undefined || isUserPattern(user)) return 'no event has arrived: look at `xapplepush check`';
  const name = comparableUser(user, config.users);
  const targets = await withStore(config, (store) => store.listTargets({ user: name }));
  if (targets.length === 0) return `no device of ${visible(name)} has registered`;
  return `${visible(name)} has ${countOf(targets.length, 'device')}, but no event about it has arrived`;
}
