import type { LookupAddress } from 'node:dns';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type AddressGuard, createAddressGuard } from '../../src/services/address-guard.ts';
import { openPoster, type Poster, type PostResult } from '../../src/services/http-post.ts';
import { createWorkshop, opensslAvailability, type Workshop } from '../apns/credential-workshop.ts';
import { describeWith } from '../support/needs.ts';
import { type PushService, startPushService } from '../support/push-service.ts';

const NAME = 'push.example.net';

describe('a URL that is never called', () => {
  test.each([
    ['https://127.0.0.1:8443/', 'not public'],
    ['https://2130706433/', 'not public'],
    ['https://0x7f000001/', 'not public'],
    ['https://0177.0.0.1/', 'not public'],
    ['https://127.1/', 'not public'],
    ['https://0/', 'not public'],
    ['https://127.0.0.1./', 'not public'],
    ['https://%31%32%37.0.0.1/', 'not public'],
    ['https://１２７。0。0。1/', 'not public'],
    ['https://169.254.169.254/latest/meta-data/', 'not public'],
    ['https://[::1]/', 'not public'],
    ['https://[0:0:0:0:0:0:0:1]/', 'not public'],
    ['https://[::]/', 'not public'],
    ['https://[::ffff:127.0.0.1]/', 'not public'],
    ['https://[::ffff:7f00:1]/', 'not public'],
    ['https://[::127.0.0.1]/', 'not public'],
    ['https://[64:ff9b::7f00:1]/', 'not public'],
    ['https://[2002:7f00:1::]/', 'not public'],
    ['https://[fd00::1]/', 'not public'],
    ['https://[fe80::1]/', 'not public'],
    [`http://${NAME}/`, 'expected https, got http'],
    [`https://alice@${NAME}/`, 'name or password'],
    [`https://:secret@${NAME}/`, 'name or password'],
    [`https://${NAME}:22/`, 'port 22'],
    [`https://${NAME}:80/`, 'port 80'],
  ])('%s', (url, why) => {
    expect(createAddressGuard().problemOf(new URL(url))).toContain(why);
  });

  test.each([`https://${NAME}/`, `https://${NAME}:443/`, `https://${NAME}:8443/`, 'https://1.1.1.1/'])(
    'is not %s',
    (url) => {
      expect(createAddressGuard().problemOf(new URL(url))).toBeUndefined();
    },
  );
});

describeWith('openssl', opensslAvailability('default'), 'a name', () => {
  let workshop: Workshop;
  let tls: { key: string; cert: string };
  beforeAll(() => {
    workshop = createWorkshop();
    const cert = workshop.certificate({
      ...{ key: workshop.key('ec'), subject: `/CN=${NAME}`, days: 2 },
      extensions: `subjectAltName=DNS:${NAME},DNS:localhost\n`,
    });
    tls = { key: readFileSync(workshop.key('ec'), 'utf8'), cert: readFileSync(cert, 'utf8') };
  });
  afterAll(() => workshop.remove());

  /** For the tests 127.0.0.1 is of the public network, and no other address; `answers` are what DNS says, one by one. */
  const guarded = (...answers: string[][]): AddressGuard =>
    createAddressGuard({
      resolve: () => {
        const addresses = answers.shift() ?? [];
        return Promise.resolve(addresses.map((address): LookupAddress => ({ address, family: 4 })));
      },
      isAllowed: (address) => address === '127.0.0.1',
    });

  const posterWith = (guard: AddressGuard): Poster => {
    const poster = openPoster({ nowMs: () => 0, guard, ca: readFileSync(workshop.ca, 'utf8') });
    onTestFinished(() => poster.close());
    return poster;
  };

  const post = (poster: Poster, url: string): Promise<PostResult> =>
    poster.post({ url: new URL(url), headers: {}, body: 'x', timeoutMs: 5000 });

  /** Two services at one port: the one that may be called, and one that may not. */
  const services = async (): Promise<{ allowed: PushService; inside: PushService; url: string }> => {
    const allowed = await startPushService({ tls });
    const inside = await startPushService({ tls, address: '127.0.0.2', port: allowed.port });
    return { allowed, inside, url: `https://${NAME}:${allowed.port}/x` };
  };

  const PRIVATE = { forbidden: 'its name leads to an address that is not public' };

  test('that leads to a public address is called there', async () => {
    const { allowed, url } = await services();
    expect(await post(posterWith(guarded(['127.0.0.1'])), url)).toEqual({ status: 201 });
    expect(allowed.asked[0]?.headers.host).toBe(`${NAME}:${allowed.port}`);
  });

  test('that leads to a private one, if only among others, is not connected to', async () => {
    const { allowed, inside, url } = await services();
    for (const answer of [['127.0.0.2'], ['127.0.0.1', '127.0.0.2'], ['127.0.0.2', '127.0.0.1']])
      expect(await post(posterWith(guarded(answer)), url)).toEqual(PRIVATE);
    expect([allowed.connections, inside.connections]).toEqual([0, 0]);
  });

  test('that means something else when it is asked again is not asked again', async () => {
    const { allowed, inside, url } = await services();
    const poster = posterWith(guarded(['127.0.0.1'], ['127.0.0.2']));
    expect(await post(poster, url)).toEqual({ status: 201 });
    expect([allowed.connections, inside.connections]).toEqual([1, 0]);
    allowed.forget();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await post(poster, url)).toEqual(PRIVATE);
    expect(inside.connections).toBe(0);
  });

  test('that redirects to a private address leads nowhere', async () => {
    const { allowed, inside, url } = await services();
    allowed.mood = { status: 307, headers: { Location: inside.url } };
    expect(await post(posterWith(guarded(['127.0.0.1'])), url)).toEqual({ status: 307 });
    expect(inside.connections).toBe(0);
  });

  test('without an address is told', async () => {
    expect(await post(posterWith(guarded([])), `https://${NAME}/`)).toEqual({
      forbidden: 'its name has no address',
    });
  });

  test.each(['localhost', 'LOCALHOST', 'localhost.', 'a.localhost'])(
    '%s, by the names that this host knows, reaches no service of it',
    async (name) => {
      const { allowed } = await services();
      const result = await post(posterWith(createAddressGuard()), `https://${name}:${allowed.port}/`);
      // The forms of it are names of this host on some systems, and of nobody on others.
      if (name.toLowerCase() === 'localhost') expect(result).toEqual(PRIVATE);
      else expect(result).not.toHaveProperty('status');
      expect(allowed.connections).toBe(0);
    },
  );

  test('whose certificate is not of it gets nothing', async () => {
    const { allowed } = await services();
    const result = await post(
      posterWith(guarded(['127.0.0.1'])),
      `https://other.example.net:${allowed.port}/`,
    );
    expect(result).toEqual({ noAnswer: expect.stringContaining('other.example.net') as string });
    expect(allowed.asked).toEqual([]);
  });
});
