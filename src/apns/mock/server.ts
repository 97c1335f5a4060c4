import { readFileSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { ExitCode, messageOf, OperatorError } from '../../process/errors.ts';
import { topicsOf } from '../credentials/topics.ts';
import { createAnswerBook } from './answer-book.ts';
import type { AnswersByToken, MockAnswer } from './answers.ts';
import { MOCK_TOPIC, mockFiles, type MockFiles } from './ca.ts';
import { serveSession, type Connection, type ReceivedPush } from './connection.ts';

export interface MockApnsOptions {
  /** Where the certificates are, or are made; answers.json in it changes the answers of a running stand-in. */
  dir: string;
  /** 0 takes a free one. */
  port: number;
  host?: '127.0.0.1';
  /** SETTINGS_MAX_CONCURRENT_STREAMS; 1000 as Apple's. */
  maxConcurrentStreams?: number;
  /** So long after a push comes its answer, as from far away; 0 by default. */
  delayMs?: number;
  /** Answers by device token or `*`; 200 by default. */
  answers?: AnswersByToken;
  onPush?: (push: ReceivedPush) => void;
  /** Told of an answers.json that cannot be used. */
  onWarning?: (message: string) => void;
}

export interface MockApns {
  url: URL;
  port: number;
  dir: string;
  /** Path of the authority's certificate, which is `apns.ca` of a client. */
  ca: string;
  files: MockFiles;
  /** That of the client certificate in `dir`. */
  topic: string;
  /** In the order in which they came; a test may empty it. */
  received: ReceivedPush[];
  /** Connections accepted so far. */
  readonly connections: number;
  /** `token` or `*`: these answers in turn, from the next push on; the last one stays. None: as if never set. */
  setAnswers(token: string, answers: readonly MockAnswer[]): void;
  /** SETTINGS_MAX_CONCURRENT_STREAMS from now on, of connections that are open too. */
  limitStreams(count: number): void;
  /** Cuts all connections. */
  close(): Promise<void>;
}

const DEFAULT_MAX_CONCURRENT_STREAMS = 1000;

/**
 * Starts a strict stand-in for Apple on the loopback: TLS 1.2 or newer, client certificates of its own authority
 * only, every check of a request, answers as wanted. Throws OperatorError where it cannot listen or write its files.
 */
export async function startMockApns(options: MockApnsOptions): Promise<MockApns> {
  const files = mockFiles(options.dir);
  const warn = options.onWarning ?? ((): void => undefined);
  const book = createAnswerBook(options.answers ?? {}, join(files.dir, 'answers.json'), warn);
  const received: ReceivedPush[] = [];
  const server = secureServer(files, options.maxConcurrentStreams ?? DEFAULT_MAX_CONCURRENT_STREAMS);
  const { count, limitStreams } = serveConnections(server, {
    nextAnswer: (token) => book.next(token),
    hasAnswer: (token) => book.names(token),
    delayMs: options.delayMs ?? 0,
    record: (push) => {
      received.push(push);
      options.onPush?.(push);
    },
  });
  const close = closer(server);
  const host = options.host ?? '127.0.0.1';
  const port = await listen(server, options.port, host);
  return {
    url: new URL(`https://${host}:${port}`),
    port,
    dir: files.dir,
    ca: files.ca,
    files,
    topic: MOCK_TOPIC,
    received,
    get connections() {
      return count();
    },
    setAnswers: (token, list) => {
      book.set(token, list);
    },
    limitStreams,
    close,
  };
}

function secureServer(files: MockFiles, maxConcurrentStreams: number): Http2SecureServer {
  return createSecureServer({
    cert: readFileSync(files.serverCertificate),
    key: readFileSync(files.serverKey),
    ca: readFileSync(files.ca),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    settings: { maxConcurrentStreams },
  });
}

/** Gives functions that count the connections so far, and that limit the streams of each. */
function serveConnections(
  server: Http2SecureServer,
  answering: Pick<Connection, 'nextAnswer' | 'hasAnswer' | 'record' | 'delayMs'>,
): { count: () => number; limitStreams: (count: number) => void } {
  const open = new Set<ServerHttp2Session>();
  let count = 0;
  let newest: TLSSocket | undefined;
  // Before Node's own listener, which makes the session of this socket and hides the socket behind it.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    newest = socket;
  });
  server.on('session', (session: ServerHttp2Session) => {
    const certificate = newest?.getPeerX509Certificate();
    if (!newest || !certificate) return;
    count += 1;
    open.add(session);
    session.once('close', () => open.delete(session));
    serveSession(session, { ...answering, number: count, socket: newest, topics: topicsOf(certificate) });
  });
  return {
    count: () => count,
    limitStreams: (maxConcurrentStreams) => {
      server.updateSettings({ maxConcurrentStreams });
      for (const session of open) session.settings({ maxConcurrentStreams });
    },
  };
}

function closer(server: Http2SecureServer): () => Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      for (const socket of sockets) socket.destroy();
    });
}

function listen(server: Http2SecureServer, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `cannot listen on ${host}:${port}: ${messageOf(error)}`;
      const hint = 'choose another --port, or 0 for a free one';
      reject(new OperatorError(message, { exitCode: ExitCode.unavailable, hint, cause: error }));
    });
    server.listen(port, host, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}
