import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { TlsConfig } from '../config/config.ts';
import type { Clock } from '../process/clock.ts';
import type { Log } from '../process/log.ts';
import type { HttpLimits } from './http-limits.ts';
import { keepCertificate, needsRestart, readTls, type Secured } from './http-tls.ts';

/** How often Node looks for requests that take too long, at most; by itself it would be every 30 s. */
const CHECK_INTERVAL_MS = 1000;

export interface HttpServer {
  server: Server;
  /** Throws OperatorError where that cannot be used. */
  takeTls: (tls: TlsConfig | undefined) => void;
  endTls: () => void;
}

interface HttpServerOptions {
  /** Without it what comes is not encrypted. */
  tls?: TlsConfig | undefined;
  clock: Clock;
  log: Log;
}

/** A server, with TLS where that is wanted. Throws OperatorError where its files cannot be used. */
export function createHttpServer({ tls, clock, log }: HttpServerOptions, limits: HttpLimits): HttpServer {
  if (tls === undefined) {
    const takeTls = (wanted: TlsConfig | undefined): void => {
      if (wanted !== undefined) throw needsRestart();
    };
    return { server: createServer(nodeOptions(limits)), takeTls, endTls: () => undefined };
  }
  const handshake = { handshakeTimeout: limits.headerMs };
  const server: Secured = createTlsServer({ ...nodeOptions(limits), ...handshake, ...readTls(tls) });
  const ending = new AbortController();
  let files = tls;
  void keepCertificate(server, () => files, { clock, log }, ending.signal);
  return {
    server,
    takeTls: (wanted) => {
      if (wanted === undefined) throw needsRestart();
      server.setSecureContext(readTls(wanted));
      files = wanted;
    },
    endTls: () => ending.abort(),
  };
}

function nodeOptions(limits: HttpLimits): Parameters<typeof createServer>[0] {
  return {
    headersTimeout: limits.headerMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    maxHeaderSize: limits.headerBytes,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.headerMs),
  };
}
