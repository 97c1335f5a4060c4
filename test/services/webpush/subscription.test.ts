import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readSubscription, webPushEndpoint } from '../../../src/services/webpush/subscription.ts';

const P256DH = 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4';
const AUTH = 'BTBZMqHH6r4Tts7J_aSIgg';
const URL_OF_APP = 'https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV';

function text({
  endpoint = URL_OF_APP,
  p256dh = P256DH,
  auth = AUTH,
  ...more
}: Record<string, unknown> = {}): string {
  return JSON.stringify({ endpoint, keys: { p256dh, auth }, ...more });
}

function endpointOf(given: string): ReturnType<typeof webPushEndpoint> {
  const read = readSubscription(given);
  if ('problem' in read) throw new Error(read.problem);
  return webPushEndpoint(read, 'alice');
}

describe('a subscription', () => {
  test('becomes an endpoint that its URL alone identifies', () => {
    expect(endpointOf(text({ expirationTime: null }))).toEqual({
      user: 'alice',
      service: 'webpush',
      address: text(),
      fingerprint: createHash('sha256').update(URL_OF_APP).digest('hex'),
      expiresMs: null,
    });
  });

  test('is the same in whatever form its parts come', () => {
    const padded = text({
      p256dh: `${P256DH.replaceAll('-', '+').replaceAll('_', '/')}=`,
      auth: `${AUTH}==`,
    });
    expect(endpointOf(padded)).toEqual(endpointOf(text()));
    const written = text({ endpoint: URL_OF_APP.replace('push.example.net', 'PUSH.example.net:443') });
    expect(endpointOf(written)).toEqual(endpointOf(text()));
    expect(endpointOf(endpointOf(text()).address)).toEqual(endpointOf(text()));
  });

  const compressed = Buffer.concat([Buffer.of(2), Buffer.from(P256DH, 'base64url').subarray(1, 33)]);
  const beside = Buffer.from(P256DH, 'base64url');
  beside[64] = 0;

  test.each([
    ['no JSON', 'x', 'endpoint'],
    ['null', 'null', 'endpoint'],
    ['a list', '[]', 'endpoint'],
    ['no URL', text({ endpoint: 'push' }), 'endpoint'],
    ['a number for a URL', text({ endpoint: 7 }), 'endpoint'],
    ['another scheme', text({ endpoint: 'ftp://a/' }), 'endpoint'],
    ['a password', text({ endpoint: 'https://a:b@c/' }), 'endpoint'],
    ['a fragment', text({ endpoint: 'https://a/#b' }), 'endpoint'],
    ['a space', text({ endpoint: 'https://a/b c' }), 'endpoint'],
    ['a line break', text({ endpoint: 'https://a/b\r\nX: y' }), 'endpoint'],
    ['an impossible port', text({ endpoint: 'https://a:99999/' }), 'endpoint'],
    ['a long URL', text({ endpoint: `https://a/${'x'.repeat(1024)}` }), 'endpoint'],
    ['no keys', JSON.stringify({ endpoint: URL_OF_APP }), 'keys.p256dh'],
    ['keys that are null', JSON.stringify({ endpoint: URL_OF_APP, keys: null }), 'keys.p256dh'],
    ['a short key', text({ p256dh: AUTH }), 'keys.p256dh'],
    ['a compressed point', text({ p256dh: compressed.toString('base64url') }), 'keys.p256dh'],
    ['a point beside the curve', text({ p256dh: beside.toString('base64url') }), 'keys.p256dh'],
    ['the point at infinity', text({ p256dh: Buffer.alloc(65).toString('base64url') }), 'keys.p256dh'],
    ['a short secret', text({ auth: 'AAAA' }), 'keys.auth'],
    ['a long secret', text({ auth: P256DH }), 'keys.auth'],
    ['a secret with something else in it', text({ auth: `${AUTH}\n` }), 'keys.auth'],
    ['far too much', text({ more: 'x'.repeat(4096) }), 'at most 4096'],
  ])('with %s is refused, and not shown', (_, given, where) => {
    const read = readSubscription(given);
    expect(read).toEqual({ problem: expect.stringContaining(where) as string });
    expect(JSON.stringify(read)).not.toContain(AUTH);
  });
});
