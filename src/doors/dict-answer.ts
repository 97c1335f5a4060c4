import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/errors.ts';
import type { MetadataChange } from '../store/metadata.ts';
import type { DictCommand } from './dict-command.ts';
import type { DictKeeper } from './dict-keeper.ts';
import { type Committed, commitReply, entriesReply, failureReply, valueReply } from './dict-reply.ts';
import { type DictTransactions, NOT_BEGUN } from './dict-transactions.ts';

/** What one client has said so far, and what it is answered by. */
export interface DictContext {
  keeper: DictKeeper;
  clock: Pick<Clock, 'sleep'>;
  transactions: DictTransactions;
  /** A client older than 2.3.17 names its user once, in its hello. */
  helloUser: string;
  /** The connection has gone. */
  ending: AbortSignal;
}

/** Nothing where no answer is awaited. */
export interface DictAnswer {
  reply?: Buffer;
  /**
   * What is wrong with the client, whose connection has to end: an answer too many would be taken for the one to its next
   * question, and so on.
   */
  broken?: string | undefined;
}

/** Dovecot writes a line into its log where it waits 5 s for an answer, and the user waits as long as it does. */
export const ANSWER_TIMEOUT_MS = 4000;

/**
 * What a user may not have is refused honestly: "failed" is the one answer by which Dovecot does not tell the client that
 * all is well, and it costs an error line in Dovecot's log. With the answer held back for so long, a session that tries
 * again and again writes fewer lines than one that logs in again and again, which no limit of ours prevents.
 */
export const REFUSAL_PAUSE_MS = 3000;

/** Never rejects. */
export async function dictAnswer(command: DictCommand, context: DictContext): Promise<DictAnswer> {
  const { kind } = command;
  if (kind === 'lookup' || kind === 'iterate') return { reply: await found(command, context) };
  if (kind === 'unfit question') return { reply: failureReply(command.why) };
  if (kind === 'commit') return commit(command, context);
  return { broken: kind === 'broken' ? command.why : note(command, context) };
}

type Question = Extract<DictCommand, { kind: 'lookup' | 'iterate' }>;
type Commit = Extract<DictCommand, { kind: 'commit' }>;
type Unanswered = Exclude<DictCommand, Question | Commit | { kind: 'unfit question' | 'broken' }>;

/** Gives what is wrong with the client, if something is. */
function note(command: Unanswered, context: DictContext): string | undefined {
  const { transactions } = context;
  switch (command.kind) {
    case 'hello':
      context.helloUser = command.user;
      return undefined;
    case 'begin':
      return transactions.begin(command.id, command.user ?? context.helloUser);
    case 'change':
      return transactions.change(command.id, { key: command.key, value: command.value });
    case 'unfit change':
      return transactions.spoil(command.id, command.why);
    case 'rollback':
      return transactions.end(command.id) === undefined ? NOT_BEGUN : undefined;
    case 'remark':
      return undefined;
  }
}

async function found(question: Question, context: DictContext): Promise<Buffer> {
  const user = question.user ?? context.helloUser;
  const asked =
    question.kind === 'lookup'
      ? context.keeper.value(user, question.key).then(valueReply)
      : context.keeper.under(user, question.prefix).then((entries) => entriesReply(entries, question));
  const answered = await inTime(asked, context);
  return 'value' in answered ? answered.value : failureReply(answered.trouble);
}

async function commit(command: Commit, context: DictContext): Promise<DictAnswer> {
  const transaction = context.transactions.end(command.id);
  if (transaction === undefined) return { broken: NOT_BEGUN };
  const { user, changes, unfit } = transaction;
  const committed = unfit === undefined ? kept(user, changes, context) : refused(unfit, context);
  return { reply: commitReply(command, await committed) };
}

async function kept(
  user: string,
  changes: readonly MetadataChange[],
  context: DictContext,
): Promise<Committed> {
  const answered = await inTime(context.keeper.commit(user, changes), context);
  if ('trouble' in answered) return { kind: answered.isLate ? 'uncertain' : 'failed', why: answered.trouble };
  const { refused: why } = answered.value;
  return why === undefined ? { kind: 'kept' } : refused(why, context);
}

async function refused(why: string, { clock, ending }: DictContext): Promise<Committed> {
  await clock.sleep(REFUSAL_PAUSE_MS, ending);
  return { kind: 'failed', why };
}

type Answered<T> = { value: T } | { trouble: string; isLate: boolean };

/** What it gives, or why it does not: also where that is not known in time. */
async function inTime<T>(asked: Promise<T>, { clock }: DictContext): Promise<Answered<T>> {
  const settled = new AbortController();
  const answered = asked.then(
    (value) => ({ value }),
    (error: unknown) => ({ trouble: messageOf(error), isLate: false }),
  );
  const late = clock
    .sleep(ANSWER_TIMEOUT_MS, settled.signal)
    .then(() => ({ trouble: 'the database does not answer', isLate: true }));
  try {
    return await Promise.race([answered, late]);
  } finally {
    settled.abort();
  }
}
