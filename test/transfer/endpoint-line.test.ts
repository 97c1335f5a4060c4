import { expect, test } from 'vitest';
import { endpointLine, readEndpointLine } from '../../src/transfer/endpoint-line.ts';
import { webPushApp } from '../support/web-push-app.ts';

const FIELDS = {
  ...{ user: 'alice', service: 'deltachat', address: 'openpgp:AAAA' },
  ...{ renewed: '2026-01-31T12:00:00.123Z', expires: null, proven: true },
};

function good(changes: object, want: object): void {
  expect(readEndpointLine(JSON.stringify({ ...FIELDS, ...changes }))).toMatchObject(want);
}

function bad(changes: object, problem: string): void {
  expect(readEndpointLine(JSON.stringify({ ...FIELDS, ...changes }))).toEqual({ problem });
}

test('a line is an endpoint of its service', () => {
  const renewedMs = Date.UTC(2026, 0, 31, 12, 0, 0, 123);
  good({}, { endpoint: { user: 'alice', service: 'deltachat', expiresMs: null }, renewedMs, isProven: true });
  good({ expires: '2026-05-01T12:00:00Z' }, { endpoint: { expiresMs: Date.UTC(2026, 4, 1, 12) } });
  const subscription = webPushApp().subscriptionAt('https://push.example.org/1');
  good({ service: 'webpush', address: subscription, proven: false }, { isProven: false });
  good({ service: 'webhook', address: 'https://hooks.example.org/' }, { endpoint: { service: 'webhook' } });
});

test('a line that is none is told, without its address', () => {
  expect(readEndpointLine('no JSON')).toEqual({ problem: 'expected an endpoint in JSON' });
  bad({ user: '' }, 'user: expected a name');
  bad({ service: 'fcm' }, 'service: expected one of deltachat, webpush, webhook');
  bad({ renewed: 'yesterday' }, 'renewed: expected a time such as 2026-01-31T12:00:00Z');
  bad({ expires: 'never' }, 'expires: expected a time, or null');
  bad({ proven: 1 }, 'proven: expected true or false');
  bad({ address: 'a token' }, 'address: expected one of deltachat');
  bad({ address: 7 }, 'address: expected one of deltachat');
  bad(
    { service: 'webpush', address: '{}' },
    'address: endpoint: expected an https:// URL of at most 1024 characters',
  );
});

test('what an endpoint is written as says the same', () => {
  const { endpoint, renewedMs, isProven } = readEndpointLine(JSON.stringify(FIELDS)) as {
    endpoint: object;
    renewedMs: number;
    isProven: boolean;
  };
  const rest = {
    id: 1,
    registeredMs: 0,
    lastSuccessMs: null,
    lastError: null,
    lastErrorMs: null,
    failures: 0,
  };
  const written = endpointLine({ ...endpoint, ...rest, renewedMs, provenMs: 5 } as Parameters<
    typeof endpointLine
  >[0]);
  expect(readEndpointLine(written)).toEqual({ endpoint, renewedMs, isProven });
});
