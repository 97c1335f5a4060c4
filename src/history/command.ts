import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { withStore } from '../store/open.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import { countOf, timeText, visible } from '../process/text.ts';
import type { Surroundings } from '../process/surroundings.ts';
import { page, painter } from '../terminal/terminal.ts';
import { type Entry, isAbout } from './entry.ts';
import { followHistory } from './follow.ts';
import { historyFolder } from './history.ts';
import { readHistory } from './read.ts';
import { colourOf, forPrograms, sentenceOf } from './sentence.ts';
import { type Shelf, SHELVES } from './shelf.ts';
import { safeJson } from '../process/safe-json.ts';

export interface LogOptions {
  user: string | undefined;
  /** Not older than this, in milliseconds. */
  sinceMs: number;
  /** At most so many of the newest. */
  limit: number;
  /** Without what concerned no device. */
  pushes: boolean;
  json: boolean;
  colour: boolean;
}

/** Tells the newest entries of the history, oldest first; where there is none, why there may be none. */
export async function logCommand(
  config: Config,
  options: LogOptions,
  around: Pick<Surroundings, 'clock' | 'stdout' | 'env' | 'onSignals'>,
): Promise<void> {
  const { user, json, limit } = options;
  const entries = readHistory(historyFolder(config.store), {
    limit,
    sinceMs: around.clock.nowMs() - Math.min(options.sinceMs, config.history.maxAgeMs),
    maxEntries: config.history.maxEntries,
    shelves: shelvesOf(options),
    wanted: selectionOf(config, options),
  });
  const text = entries.map((entry) => shown(entry, options)).join('');
  if (entries.length > 0 || json) await page(text, around);
  else await page(`no entries; ${await explanation(config, user)}\n`, around);
}

/** Tells each entry as it is written, until the signal aborts. */
export async function followCommand(
  config: Config,
  options: LogOptions,
  { clock, signal, out }: { clock: Clock; signal: AbortSignal; out: (text: string) => void },
): Promise<void> {
  const wanted = selectionOf(config, options);
  await followHistory({
    folder: historyFolder(config.store),
    shelves: shelvesOf(options),
    clock,
    signal,
    onEntry: (entry) => {
      if (wanted(entry)) out(shown(entry, options));
    },
  });
}

function shelvesOf({ pushes }: LogOptions): readonly Shelf[] {
  return pushes ? ['devices'] : SHELVES;
}

function selectionOf({ users }: Config, { user }: LogOptions): (entry: Entry) => boolean {
  if (user === undefined) return () => true;
  const wanted = comparableUser(user, users);
  return (entry) => isAbout(entry, wanted);
}

function shown(entry: Entry, { json, colour }: LogOptions): string {
  if (json) return `${safeJson(forPrograms(entry))}\n`;
  const name = colourOf(entry);
  const sentence = sentenceOf(entry);
  return `${timeText(entry.atMs)}  ${name === undefined ? sentence : painter(colour)(sentence, name)}\n`;
}

/** Why there may be nothing to tell of a user: the first question is whether a device has registered. */
async function explanation(config: Config, user: string | undefined): Promise<string> {
  if (config.history.maxEntries === 0) return 'history.max_entries is 0, so none are kept';
  if (user === undefined) return 'no event has arrived: look at `xapplepush check`';
  const name = comparableUser(user, config.users);
  const targets = await withStore(config.store, (store) => store.listTargets({ user: name }));
  if (targets.length === 0) return `no device of ${visible(name)} has registered`;
  return `${visible(name)} has ${countOf(targets.length, 'device')}, but no event about it has arrived`;
}
