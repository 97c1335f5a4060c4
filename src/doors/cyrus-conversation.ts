import type { Socket } from 'node:net';
import { MAX_EVENT_BYTES } from '../events/read.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { answerTo } from './cyrus-answer.ts';
import {
  createDlistParser,
  type DlistBreak,
  type DlistCommand,
  type DlistLimits,
  type DlistParser,
} from './dlist.ts';
import type { Receive } from './receive.ts';

/** One client of the notify socket. */
export interface Conversation {
  /** Estimated memory of a command that is not complete. */
  heldBytes(): number;
  /** A command is being dealt with, and its answer is awaited. */
  isWorking(): boolean;
  /** Ends it at once; says why in the log. */
  cut(why: string): void;
  /** Ends it after the answer to what it has begun to say, for which it has `timeoutMs`. */
  finish(timeoutMs: number): void;
}

export interface ConversationOptions {
  socket: Socket;
  receive: Receive;
  log: Log;
  /** Within this time a command must be complete, and its answer taken; it starts anew with each answer. */
  timeoutMs: number;
  /** Called after each piece of input. */
  onHeard: () => void;
  /** Called after each answer to a command. */
  onAnswered: () => void;
}

/** Besides MESSAGE, Cyrus writes a few words, the options of a Sieve script and a path; lists are two deep. */
const LIMITS: DlistLimits = { literalBytes: MAX_EVENT_BYTES, syntaxBytes: 16 * 1024, depth: 8 };

/** Answers commands in their order until either side ends. */
export function startConversation(options: ConversationOptions): Conversation {
  const { socket, log } = options;
  const parser = createDlistParser(LIMITS);
  const state: State = {
    answers: 0,
    isInChunk: false,
    isWorking: false,
    isFinishing: false,
    timeoutMs: options.timeoutMs,
  };
  const cut = (why: string): void => {
    log.warn('cut off a client of the Cyrus socket', { reason: why });
    socket.destroy();
  };
  const patience = createPatience(socket, state, () => cut('no complete command in time'));
  socket.once('close', patience.stop);
  socket.on('error', (error) =>
    log.debug('a client of the Cyrus socket has gone', { reason: error.message }),
  );
  void talk({ ...options, parser, state, patience }).then(() => socket.destroySoon());
  return {
    heldBytes: () => (socket.destroyed ? 0 : parser.heldBytes()),
    isWorking: () => state.isWorking,
    cut,
    finish: (timeoutMs) => {
      state.isFinishing = true;
      state.timeoutMs = timeoutMs;
      if (state.isWorking) return;
      const isIdle = !state.isInChunk && parser.heldBytes() === 0;
      if (isIdle && state.answers > 0) socket.destroySoon();
      else patience.start();
    },
  };
}

interface State {
  answers: number;
  /** There may be more commands in what has been read already. */
  isInChunk: boolean;
  isWorking: boolean;
  isFinishing: boolean;
  timeoutMs: number;
}

interface Patience {
  start: () => void;
  stop: () => void;
}

/** A timer of its own, not the socket's: that one starts anew with every byte. */
function createPatience(socket: Socket, state: State, onEnd: () => void): Patience {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => clearTimeout(timer);
  const start = (): void => {
    stop();
    if (!socket.destroyed) timer = setTimeout(onEnd, state.timeoutMs);
  };
  start();
  return { start, stop };
}

type Talk = ConversationOptions & {
  parser: DlistParser;
  state: State;
  patience: Patience;
};

/** Ends when the client has no more to say, or may say no more. Never rejects. */
async function talk(conversation: Talk): Promise<void> {
  const { socket, log, parser, state, onHeard } = conversation;
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      state.isInChunk = true;
      for (const item of parser.parse(chunk)) {
        if (item.kind === 'go ahead?') await written(socket, '+ go ahead\r\n');
        else if ((await answer(item, conversation)) === 'last') return;
      }
      state.isInChunk = false;
      onHeard();
      if (state.isFinishing && parser.heldBytes() === 0) return;
    }
    if (parser.heldBytes() > 0) log.warn('a client of the Cyrus socket left in the middle of a command');
  } catch (error) {
    if (!socket.destroyed)
      log.error('a conversation on the Cyrus socket failed', { reason: messageOf(error) });
  }
}

async function answer(
  item: DlistCommand | DlistBreak,
  { socket, receive, log, state, patience, onAnswered }: Talk,
): Promise<'last' | 'more'> {
  patience.stop();
  state.isWorking = true;
  const { text, isLast } = await answerTo(item, { receive, log });
  state.isWorking = false;
  state.answers += 1;
  patience.start();
  onAnswered();
  await written(socket, text);
  return isLast ? 'last' : 'more';
}

/** Resolves when the kernel has it, or when the connection has gone. */
function written(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve) => {
    socket.write(text, () => resolve());
  });
}
