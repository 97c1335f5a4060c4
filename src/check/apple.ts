import { connectApns } from '../apns/client.ts';
import type { Credential } from '../apns/credentials/credentials.ts';
import { portOf } from '../apns/dial.ts';
import { reachServer, resolveServer, secureServer, zeroTokenPush } from '../apns/probe.ts';
import { identityOf, rootsOf } from '../apns/tls.ts';
import type { Clock } from '../process/clock.ts';
import type { ApnsConfig } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import { messageOf } from '../process/errors.ts';
import { withBearer } from '../delivery/bearer.ts';
import { createLine, type Line } from '../delivery/line.ts';
import { judgeZeroPush, fixOfNoAnswer } from './apple-answer.ts';
import { numbered, type Point, ok, problem, skippedAll } from './point.ts';
import { OF_PROXY, stepsToProxy } from './proxy.ts';
import { type Step, takeSteps } from './step.ts';

export const APPLE_NAME = 'Apple: name';
export const APPLE_PORT = 'Apple: port';
export const APPLE_TLS = 'Apple: TLS';
export const APPLE_HTTP2 = 'Apple: HTTP/2';
export const APPLE_PUSH = 'Apple: push';
export const OF_APPLE = [APPLE_NAME, APPLE_PORT, APPLE_TLS, APPLE_HTTP2, APPLE_PUSH];

/** Through a proxy, that alone has to find Apple. */
export function pointsTo({ proxy }: ApnsConfig): string[] {
  return proxy === undefined ? OF_APPLE : [...OF_PROXY, APPLE_TLS, APPLE_HTTP2, APPLE_PUSH];
}

export interface AppleOptions {
  apns: ApnsConfig;
  /** Undefined where they cannot be loaded. */
  credentials: readonly Credential[] | undefined;
  /** Keeps the provider token that all processes share; undefined where there is no database. */
  store: Store | undefined;
  clock: Clock;
  /** For each step. */
  timeoutMs: number;
}

/** Goes to Apple step by step, and stops at the first that fails. */
export async function checkApple(options: AppleOptions): Promise<Point[]> {
  const points = await takeSteps(stepsOf(options));
  const failed = points.find(({ state }) => state !== 'ok');
  const { apns, credentials } = options;
  if (failed !== undefined)
    return [...points, ...skippedAll(pointsTo(apns).slice(points.length), failed.point)];
  if (credentials === undefined) return [...points, ...skippedAll([APPLE_HTTP2, APPLE_PUSH], 'credential')];
  for (const [index, credential] of credentials.entries())
    points.push(...(await checkCredential(credential, index, options)));
  return points;
}

function stepsOf({ apns, credentials, timeoutMs }: AppleOptions): Step[] {
  const { server, proxy, ca } = apns;
  const way = proxy === undefined ? stepsToServer(server, timeoutMs) : stepsToProxy(proxy, server, timeoutMs);
  return [
    ...way,
    {
      point: APPLE_TLS,
      to: server.host,
      go: async () => {
        const identity = identityOf(credentials?.[0]);
        const version = await secureServer(server, identity, { ...rootsOf(ca), proxy, timeoutMs });
        return `${version}, with a server that we trust`;
      },
      fix:
        "see that the system's root certificates are there (package ca-certificates), and whether a proxy or " +
        'firewall breaks TLS open; that the clock is right (timedatectl); apns.ca is for such a proxy or a stand-in only',
    },
  ];
}

function stepsToServer(server: URL, timeoutMs: number): Step[] {
  const port = portOf(server);
  return [
    {
      point: APPLE_NAME,
      to: server.host,
      go: async () => `${server.hostname} is ${(await resolveServer(server, timeoutMs)).join(', ')}`,
      fix: `see that this host resolves names: getent hosts ${server.hostname}`,
    },
    {
      point: APPLE_PORT,
      to: server.host,
      go: async () => `${await reachServer(server, timeoutMs)} answers on port ${port}`,
      fix:
        `let this host connect to port ${port} of ${server.hostname}; Apple answers on 443 and 2197; ` +
        'where a proxy leads out, name it by apns.proxy',
    },
  ];
}

async function checkCredential(
  credential: Credential,
  index: number,
  options: AppleOptions,
): Promise<Point[]> {
  const [http2 = '', push = ''] = [APPLE_HTTP2, APPLE_PUSH].map((name) => numbered(name, index));
  const { apns, timeoutMs } = options;
  try {
    const connection = await connectApns(apns.server, identityOf(credential), {
      ...rootsOf(apns.ca),
      proxy: apns.proxy,
      timeoutMs,
    });
    const line = createLine(() => Promise.resolve(connection));
    try {
      const found = ok(http2, `ready for ${connection.capacity} pushes at once`);
      return [found, ...(await pushZeros(line, credential, push, options))];
    } finally {
      await connection.close();
    }
  } catch (error) {
    const fix =
      'use the certificate that Apple issued for Mail pushes; see whether something between speaks no HTTP/2';
    return [problem(http2, messageOf(error), fixOfNoAnswer(error, fix)), ...skippedAll([push], http2)];
  }
}

async function pushZeros(
  line: Line,
  credential: Credential,
  point: string,
  { store, clock, timeoutMs }: AppleOptions,
): Promise<Point[]> {
  if (credential.kind === 'token' && store === undefined) return skippedAll([point], 'database');
  const proving = credential.kind === 'token' && store ? withBearer(line, credential, store, clock) : line;
  const points: Point[] = [];
  for (const topic of credential.topics) {
    try {
      points.push(judgeZeroPush(point, topic, await proving.push(zeroTokenPush(topic), timeoutMs)));
    } catch (error) {
      const fix = 'check again; if it stays so, see what stands between this host and Apple';
      points.push(problem(point, `no answer for ${topic}: ${messageOf(error)}`, fixOfNoAnswer(error, fix)));
    }
  }
  return points;
}
