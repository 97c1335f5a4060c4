import type { Socket } from 'node:net';
import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { dictAnswer, type DictContext } from './dict-answer.ts';
import { readDictCommand } from './dict-command.ts';
import type { DictKeeper } from './dict-keeper.ts';
import { createDictLines, type DictLines } from './dict-lines.ts';
import { DictTransactions } from './dict-transactions.ts';

/** One client of the dict socket: a process of Dovecot, mostly for the time of one IMAP command. */
export interface DictSession {
  /** It awaits no answer, and has nothing under way. */
  isAtRest(): boolean;
  /** Ends it at once; says why in the log. */
  cut(why: string): void;
  /** Ends it when what it has begun is at an end, for which it has `timeoutMs`. */
  finish(timeoutMs: number): void;
}

export interface DictSessionOptions {
  socket: Socket;
  keeper: DictKeeper;
  clock: Clock;
  log: Log;
  /** Called after each answer. */
  onAnswered: () => void;
}

/** Answers commands in their order until either side ends. */
export function startDictSession(options: DictSessionOptions): DictSession {
  const { socket, keeper, clock, log } = options;
  const ending = new AbortController();
  const context: DictContext = {
    ...{ keeper, clock, ending: ending.signal },
    ...{ transactions: new DictTransactions(), helloUser: '' },
  };
  const session: Session = {
    ...{ ...options, context, lines: createDictLines() },
    ...{ isWorking: false, isFinishing: false },
  };
  const cut = (why: string): void => {
    log.warn('cut off a client of the dict socket', { reason: why });
    socket.destroy();
  };
  socket.once('close', () => ending.abort());
  socket.on('error', (error) => log.debug('a client of the dict socket has gone', { reason: error.message }));
  void talk(session, cut).then(() => socket.destroySoon());
  return {
    isAtRest: () => isAtRest(session),
    cut,
    finish: (timeoutMs) => {
      session.isFinishing = true;
      if (isAtRest(session)) socket.destroySoon();
      else void clock.sleep(timeoutMs, ending.signal).then(() => socket.destroySoon());
    },
  };
}

interface Session extends DictSessionOptions {
  context: DictContext;
  lines: DictLines;
  /** There may be more commands in what has been read already. */
  isWorking: boolean;
  isFinishing: boolean;
}

function isAtRest({ isWorking, lines, context }: Session): boolean {
  return !isWorking && lines.heldBytes() === 0 && context.transactions.isEmpty();
}

/** Ends when the client has no more to say, or may say no more. Never rejects. */
async function talk(session: Session, cut: (why: string) => void): Promise<void> {
  const { socket, lines, log } = session;
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      session.isWorking = true;
      const broken = await answerAll(lines.take(chunk), session);
      if (broken !== undefined) cut(broken);
      session.isWorking = false;
      if (session.isFinishing && isAtRest(session)) return;
    }
  } catch (error) {
    if (!socket.destroyed)
      log.error('a conversation on the dict socket failed', { reason: messageOf(error) });
  }
}

/** Gives what is wrong with the client, if something is. */
async function answerAll(
  lines: ReturnType<DictLines['take']>,
  { context, socket, onAnswered }: Session,
): Promise<string | undefined> {
  for (const line of lines) {
    const { reply, broken } = await dictAnswer(readDictCommand(line), context);
    if (broken !== undefined) return broken;
    if (reply === undefined) continue;
    await written(socket, reply);
    onAnswered();
  }
  return undefined;
}

/** Resolves when the kernel has it, or when the connection has gone. */
function written(socket: Socket, reply: Buffer): Promise<void> {
  return new Promise((resolve) => {
    socket.write(reply, () => resolve());
  });
}
