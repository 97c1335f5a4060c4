import { copyFileSync, readFileSync } from 'node:fs';
import { constants } from 'node:http2';
import type { Server } from 'node:net';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectApns } from '../../src/apns/client.ts';
import { createAuthority } from '../../src/apns/credentials/pki.ts';
import type { Store } from '../../src/store/store.ts';
import { Courier } from '../../src/delivery/courier.ts';
import { createLine } from '../../src/delivery/line.ts';
import { Route } from '../../src/delivery/route.ts';
import { listening, scriptedServer, tlsOf } from '../apns/scripted-server.ts';
import { credentialFor, startTestApns, type TestApns } from '../support/apns.ts';
import { createTestClock } from '../support/clock.ts';
import { tokenNumber } from '../support/events.ts';
import { goAwayFrame, type RawPeerScript, rawPeer, resetFrame, settingsFrame } from '../support/raw-peer.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { enqueued, newTarget, NOW_MS, openTestStore, rowsOf } from '../support/store.ts';
import { temporaryFolder, testStore } from '../support/store.ts';

const DEVICES = 300;
const MINUTE_MS = 60_000;
/** By the back-off the first one, and one after 2, 5 and 15 seconds more. */
const MOST_CONNECTIONS = 4;
/** Real time-outs: one for peers that say nothing, and one that no busy machine takes for silence. */
const SHORT_MS = 400;
const AMPLE_MS = 10_000;
const EVERY_STREAM = 0x7fffffff;
const { NGHTTP2_NO_ERROR, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR } =
  constants;

let apple: TestApns;
/** A database in which a push waits for each of the devices. */
let waiting: string;
beforeAll(async () => {
  apple = await startTestApns();
  waiting = join(apple.dir, 'waiting.db');
  const store = openTestStore(waiting);
  for (let n = 0; n < DEVICES; n += 1)
    await store.register(newTarget({ deviceToken: tokenNumber(n) }), { nowMs: NOW_MS, maxPerUser: DEVICES });
  await enqueued(store);
  store.close();
});
afterAll(() => apple.close());

interface Minute {
  store: Store;
  log: ReturnType<typeof recordedLog>;
}

/** A minute of the clock with a push owed to each of 300 devices, over connections to this server. */
async function minuteWith(url: URL, answerMs = AMPLE_MS, random = () => 0.5): Promise<Minute> {
  const file = join(temporaryFolder(), 'x.db');
  copyFileSync(waiting, file);
  const store = testStore(file);
  const clock = createTestClock(NOW_MS);
  const log = recordedLog();
  const ca = readFileSync(apple.ca, 'utf8');
  const line = createLine((timeoutMs) => connectApns(url, credentialFor(apple), { ca, timeoutMs }));
  const { topic } = newTarget();
  const routes = [new Route({ topic, topics: [topic], fingerprint: 'fingerprint' }, line)];
  const courier = new Courier({
    store,
    routes: () => routes,
    owner: 'courier',
    server: url.origin,
    expiryMs: 24 * 60 * MINUTE_MS,
    giveUpMs: 24 * 60 * MINUTE_MS,
    throttleMs: 0,
    disableAfterMs: 72 * 60 * MINUTE_MS,
    clock,
    random,
    log,
  });
  while (clock.nowMs() < NOW_MS + MINUTE_MS) {
    await courier.drain(clock.steadyMs() + answerMs);
    const dueInMs = ((await store.nextDueMs()) ?? Infinity) - clock.nowMs();
    clock.advance(Math.min(Math.max(1, dueInMs, courier.restMs), MINUTE_MS));
  }
  await line.close();
  return { store, log };
}

/** What was tried waits for this; what was not tried waits behind it. */
async function expectNothingLost({ store }: Minute, hold: string): Promise<void> {
  expect(
    await rowsOf(
      store,
      'SELECT (SELECT count(*) FROM targets) AS targets, (SELECT count(*) FROM outbox) AS pushes',
    ),
  ).toEqual([{ targets: DEVICES, pushes: DEVICES }]);
  const held = 'SELECT DISTINCT held_by FROM outbox WHERE held_by IS NOT NULL';
  expect(await rowsOf(store, held)).toEqual([{ held_by: hold }]);
}

function goAwayAtOnce(code: number, data?: string): RawPeerScript {
  return {
    greeting: Buffer.concat([settingsFrame(), goAwayFrame(EVERY_STREAM, code, data)]),
    onGreeted: (socket) => socket.end(),
  };
}

function goAwayOnRequest(lastStreamId: number, code: number, data?: string): RawPeerScript {
  return {
    greeting: settingsFrame(),
    onRequest: (socket) => socket.write(goAwayFrame(lastStreamId, code, data)),
  };
}

function resetEach(code: number): RawPeerScript {
  return { greeting: settingsFrame(), onRequest: (socket, id) => socket.write(resetFrame(id, code)) };
}

const REFUSAL = '{"reason":"BadCertificateEnvironment"}';

describe.each<[string, RawPeerScript]>([
  ['with SETTINGS in one segment', goAwayAtOnce(NGHTTP2_NO_ERROR, REFUSAL)],
  ['with an error code', goAwayAtOnce(NGHTTP2_ENHANCE_YOUR_CALM, REFUSAL)],
  ['on a request that it leaves out', goAwayOnRequest(0, NGHTTP2_NO_ERROR, REFUSAL)],
  ['on a request that it covers and never answers', goAwayOnRequest(EVERY_STREAM, NGHTTP2_NO_ERROR, REFUSAL)],
])('a GOAWAY that refuses the certificate, %s', (_name, script) => {
  test(
    'is what a 403 is: one connection, one line in the log, every push waits',
    { timeout: 120_000 },
    async () => {
      const peer = rawPeer(tlsOf(apple), script);
      await listening(peer.server, async (url) => {
        const minute = await minuteWith(url);
        expect(peer.connections()).toBe(1);
        await expectNothingLost(minute, 'credential');
        expect(minute.log.messages('error')).toEqual([
          'Apple refuses the certificate: nothing more is sent for now, every push is kept',
        ]);
      });
    },
  );
});

test.each(['BadCertificate', 'Forbidden', 'InvalidProviderToken', 'UnrelatedKeyIdInToken'])(
  'a GOAWAY with %s is a refusal too',
  { timeout: 120_000 },
  async (reason) => {
    const peer = rawPeer(tlsOf(apple), goAwayAtOnce(NGHTTP2_NO_ERROR, JSON.stringify({ reason })));
    await listening(peer.server, async (url) => {
      await expectNothingLost(await minuteWith(url), 'credential');
      expect(peer.connections()).toBe(1);
    });
  },
);

const stranger = createAuthority('stranger').certificatePem;

describe.each<[string, RawPeerScript, TlsOptions?]>([
  ['GOAWAY with SETTINGS', goAwayAtOnce(NGHTTP2_NO_ERROR)],
  ['GOAWAY with an unknown reason', goAwayAtOnce(NGHTTP2_NO_ERROR, '{"reason":"Shutdown"}')],
  ['GOAWAY with an error code', goAwayAtOnce(NGHTTP2_ENHANCE_YOUR_CALM)],
  ['GOAWAY on a request, which it leaves out', goAwayOnRequest(0, NGHTTP2_NO_ERROR)],
  ['GOAWAY on a request, which it covers', goAwayOnRequest(EVERY_STREAM, NGHTTP2_NO_ERROR)],
  ['GOAWAY on a request, with an error code', goAwayOnRequest(0, NGHTTP2_ENHANCE_YOUR_CALM)],
  ['FIN after SETTINGS', { greeting: settingsFrame(), onGreeted: (socket) => socket.end() }],
  ['FIN before SETTINGS', { onGreeted: (socket) => socket.end() }],
  ['RST on a request', { greeting: settingsFrame(), onRequest: (socket) => socket.destroy() }],
  ['FIN on a request', { greeting: settingsFrame(), onRequest: (socket) => socket.end() }],
  ['a TLS alert after the handshake', {}, { requestCert: true, rejectUnauthorized: true, ca: stranger }],
  ['RST_STREAM REFUSED_STREAM on each', resetEach(NGHTTP2_REFUSED_STREAM)],
  ['RST_STREAM INTERNAL_ERROR on each', resetEach(NGHTTP2_INTERNAL_ERROR)],
  ['no streams for ever', { greeting: settingsFrame(0) }],
  ['silence', { greeting: settingsFrame() }],
  ['silence without SETTINGS', {}],
])('a connection that comes up and ends: %s', (name, script, tls) => {
  test('is made anew as the back-off allows, and nothing is lost', { timeout: 120_000 }, async () => {
    const peer = rawPeer({ ...tlsOf(apple), ...tls }, script);
    await listening(peer.server, async (url) => {
      const isSilent = /silence|no streams|covers/.test(name);
      await expectNothingLost(await minuteWith(url, isSilent ? SHORT_MS : AMPLE_MS), 'connection');
      expect(peer.connections()).toBeLessThanOrEqual(MOST_CONNECTIONS);
    });
  });
});

/** Counts the connections of a server that answers each request. */
function answering(status: number, body: string, headers: Record<string, string>): [Server, () => number] {
  const server = scriptedServer(apple, 1000, (stream) => {
    stream.respond({ ':status': status, ...headers });
    stream.end(body);
  });
  let connections = 0;
  server.on('secureConnection', () => {
    connections += 1;
  });
  return [server, () => connections];
}

const APPLES = { 'apns-id': '8d6d7a0c-9f8e-4b6b-9a5c-0d2f3c1b7a11' };

test.each<[number, string, Record<string, string>]>([
  [503, '{"reason":"Shutdown"}', APPLES],
  [400, '{"reason":"IdleTimeout"}', APPLES],
  [200, '<html>sign in</html>', {}],
  [302, '', { location: 'https://portal.example/' }],
  [403, '<html>blocked</html>', {}],
  [404, 'not found', {}],
  [407, '', { 'proxy-authenticate': 'Basic' }],
  [410, '<html>gone</html>', {}],
  [410, '', APPLES],
  [502, 'bad gateway', {}],
  [511, '<html>', {}],
])('%i %s from whoever stands between costs nothing', { timeout: 120_000 }, async (status, body, headers) => {
  const [server, connections] = answering(status, body, headers);
  await listening(server, async (url) => {
    await expectNothingLost(await minuteWith(url), 'connection');
    expect(connections()).toBeLessThanOrEqual(MOST_CONNECTIONS);
  });
});

test.each([
  [500, 'InternalServerError'],
  [429, 'TooManyRequests'],
])(
  '%i %s once, and then the end of the connection, is a failure of the connection',
  async (status, reason) => {
    let connections = 0;
    const server = scriptedServer(apple, 1, (stream) => {
      stream.respond({ ':status': status, ...APPLES });
      const { session } = stream;
      stream.end(JSON.stringify({ reason }));
      setTimeout(() => session?.destroy(), 5); // when the answer has arrived
    });
    server.on('secureConnection', () => {
      connections += 1;
    });
    await listening(server, async (url) => {
      const { store } = await minuteWith(url, AMPLE_MS, seededRandom());
      expect((await store.countDue()).rows).toBe(DEVICES);
    });
    expect(connections).toBeLessThanOrEqual(MOST_CONNECTIONS);
  },
);

/** Scatters the attempts, the same way in each run (a linear congruential generator). */
function seededRandom(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
