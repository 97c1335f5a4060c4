import { type ReadItem, readEvents } from '../events/read.ts';
import { singly } from '../events/singly.ts';
import { OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { UnfitFileError } from '../spool/file.ts';
import type { SpooledEvents } from '../spool/spool.ts';
import { StoreError } from '../store/errors.ts';
import type { Intake } from './intake.ts';
import type { InOrder } from './order.ts';

/** What keeps events waiting, and the users in them: a registration is not overtaken by an event of its user. */
export interface Waiting {
  error?: OperatorError;
  users: Set<string>;
  /** Why no others can be either, such as a database that is locked. */
  failure?: { error: unknown };
  inOrder: InOrder;
}

/** What became of a file. */
export type FileFate = 'taken' | 'bad' | 'waits';

/** What became of the events in it. */
interface Fate {
  hasTaken: boolean;
  /** Why one of them can never be taken. */
  bad?: string;
  /** Why what follows can never be read. */
  unfit?: string;
  /** Those that cannot be taken now. */
  left: Buffer[];
}

/**
 * Takes what can be taken of a file, and keeps what is left without it: whatever is read again is told again. Throws
 * StoreError where the database takes no more, and errno errors; the file, or what is left of it, is then put back.
 */
export async function takeFile(
  spooled: SpooledEvents,
  intake: Intake,
  waiting: Waiting,
  log: Log | undefined,
): Promise<FileFate> {
  const fate: Fate = { hasTaken: false, left: [] };
  try {
    await takeEvents(spooled, intake, waiting, fate);
    if (fate.left.length > 0 && !isUntouched(fate)) spooled.keepApart(Buffer.from(fate.left.join('\n')));
  } catch (error) {
    spooled.putBack();
    throw waiting.failure?.error ?? error;
  }
  const became = putAway(spooled, fate, log);
  if (waiting.failure !== undefined) throw waiting.failure.error;
  return became;
}

async function takeEvents(
  spooled: SpooledEvents,
  intake: Intake,
  waiting: Waiting,
  fate: Fate,
): Promise<void> {
  const take: Intake = (item) => intake(item, { atMs: spooled.writtenMs, byHttp: spooled.byHttp });
  try {
    for (const item of singly(readEvents(spooled.read())))
      await waiting.inOrder(item, () => takeEvent(item, take, waiting, fate));
  } catch (error) {
    if (!(error instanceof UnfitFileError)) throw error;
    fate.unfit = error.message;
  }
}

async function takeEvent(item: ReadItem, take: Intake, waiting: Waiting, fate: Fate): Promise<void> {
  const users = usersOf(item);
  const mustWait = waiting.failure !== undefined || users.some((user) => waiting.users.has(user));
  if (mustWait && 'value' in item) {
    leave(item, users, waiting, fate);
    return;
  }
  try {
    const { bad } = await take(item);
    fate.hasTaken = true;
    if (bad !== undefined) fate.bad = bad;
  } catch (error) {
    if (isOfThisEvent(error)) waiting.error ??= error;
    else waiting.failure ??= { error };
    leave(item, users, waiting, fate);
  }
}

function leave({ raw }: ReadItem, users: readonly string[], waiting: Waiting, fate: Fate): void {
  fate.left.push(raw);
  for (const user of users) waiting.users.add(user);
}

/** What Cyrus says needs imapd.conf; what others say does not. */
function isOfThisEvent(error: unknown): error is OperatorError {
  return error instanceof OperatorError && !(error instanceof StoreError);
}

/** Whom an event names, in lower case: rather one too many waits than one is overtaken. */
function usersOf(item: ReadItem): string[] {
  if ('bad' in item) return [];
  const { user, Username } = (item.value ?? {}) as Record<string, unknown>;
  return [user, Username].filter((name) => typeof name === 'string').map((name) => name.toLowerCase());
}

function isUntouched({ hasTaken, unfit }: Fate): boolean {
  return !hasTaken && unfit === undefined;
}

function putAway(spooled: SpooledEvents, fate: Fate, log: Log | undefined): FileFate {
  const { bad, unfit, left } = fate;
  const reason = unfit ?? bad;
  if (reason !== undefined) {
    const file = spooled.setAside(reason);
    if (unfit !== undefined) log?.error('spool: a file is set aside', { file, reason });
    return 'bad';
  }
  if (left.length > 0 && isUntouched(fate)) spooled.putBack();
  else spooled.done();
  return left.length > 0 ? 'waits' : 'taken';
}
