import { redactAccountId, redactToken } from '../../process/redact.ts';
import { writeLine } from '../../process/standard-error.ts';
import { onEndSignals, type Surroundings } from '../../process/surroundings.ts';
import { parseAnswer, type AnswersByToken, type MockAnswer } from './answers.ts';
import type { ReceivedPush } from './connection.ts';
import { startMockApns, type MockApns } from './server.ts';

export interface MockApnsCommand {
  dir: string;
  port: number;
  json: boolean;
  /** `TOKEN=ANSWER`; several for one token are used in turn. */
  answers: readonly string[];
  maxStreams?: number;
  delayMs?: number;
  /** Ends it: nobody reads what it prints. */
  readerGone?: AbortSignal;
}

/**
 * Runs the stand-in until SIGINT or SIGTERM, or until nobody reads what it prints. Standard output: how to configure a client, then one line a push;
 * with `json` one object a line, device tokens whole. Throws OperatorError: exit 64 for a bad answer.
 */
export async function runMockApns(
  options: MockApnsCommand,
  { stdout, tell, onSignals }: Pick<Surroundings, 'stdout' | 'tell' | 'onSignals'>,
): Promise<void> {
  const print = (line: string): void => {
    stdout.write(`${line}\n`);
  };
  const answers = answersByToken(options.answers);
  // Before the ready line, since whoever reads that line may send the signal at once.
  const stopped = new Promise<void>((resolve) => onEndSignals({ onSignals }, resolve));
  const mock = await startMockApns({
    dir: options.dir,
    port: options.port,
    answers,
    ...(options.maxStreams !== undefined && { maxConcurrentStreams: options.maxStreams }),
    ...(options.delayMs !== undefined && { delayMs: options.delayMs }),
    onPush: (push) => {
      print(options.json ? JSON.stringify(push) : pushLine(push));
    },
    onWarning: (message) => {
      writeLine(`warn: ${message}`, tell);
    },
  });
  print(options.json ? readyObject(mock) : readyLines(mock));
  await Promise.race([stopped, aborted(options.readerGone)]);
  await mock.close();
}

function answersByToken(texts: readonly string[]): AnswersByToken {
  const answers = new Map<string, MockAnswer[]>();
  for (const { token, answer } of texts.map(parseAnswer)) {
    answers.set(token, [...(answers.get(token) ?? []), answer]);
  }
  return Object.fromEntries(answers);
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) =>
    signal?.addEventListener('abort', () => {
      resolve();
    }),
  );
}

function readyObject({ url, dir, topic, files }: MockApns): string {
  const { ca, clientCertificate: certificate, clientKey: key } = files;
  return JSON.stringify({ ready: true, url: url.origin, dir, topic, certificate, key, ca });
}

function readyLines({ url, topic, files }: MockApns): string {
  return [
    'mock-apns is ready. In imapd.conf:',
    `aps_topic: ${topic}`,
    'In config.yaml:',
    'apns:',
    `  server: ${url.origin}`,
    `  certificate: ${files.clientCertificate}`,
    `  key: ${files.clientKey}`,
    `  ca: ${files.ca}`,
  ].join('\n');
}

function pushLine(push: ReceivedPush): string {
  const mailboxes = push.m === undefined ? 'INBOX' : `${push.m.length} by hash`;
  return [
    new Date(push.atMs).toISOString(),
    push.answer,
    `token=${redactToken(push.deviceToken)}`,
    `account=${redactAccountId(push.accountId)}`,
    `mailboxes=${JSON.stringify(mailboxes)}`,
    `apns-id=${push.apnsId}`,
  ].join(' ');
}
