import { copyFileSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:https';
import { dirname, join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkHttpDoor, HTTP_DOOR } from '../../src/check/http-door.ts';
import type { TlsConfig } from '../../src/config/config.ts';
import { keepCertificate } from '../../src/doors/http-tls.ts';
import { systemClock } from '../../src/process/clock.ts';
import { createWorkshop, opensslAvailability, type Workshop } from '../apns/credential-workshop.ts';
import { eventually } from '../support/command.ts';
import { ask, rawConnection, testDoor } from '../support/http-door.ts';
import { describeWith } from '../support/needs.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { temporaryFolder } from '../support/store.ts';

const DAY_MS = 86_400_000;

/** The same as the system's, in a hurry. */
const HASTY = { ...systemClock, sleep: (_ms: number, signal?: AbortSignal) => systemClock.sleep(20, signal) };

describeWith('openssl', opensslAvailability('default'), 'the HTTP door with TLS', () => {
  let workshop: Workshop;
  let [first, second]: string[] = [];
  beforeAll(() => {
    workshop = createWorkshop();
    const made = [1, 2].map((n) =>
      workshop.certificate({
        ...{ key: workshop.key('ec'), subject: `/CN=number ${n}`, days: 60 * n },
        extensions: 'subjectAltName=IP:127.0.0.1\n',
      }),
    );
    [first, second] = made;
  });
  afterAll(() => workshop.remove());

  /** Files of a test's own, which it may change. */
  const files = (): TlsConfig => {
    const dir = temporaryFolder();
    const tls = { certificate: join(dir, 'http.pem'), key: join(dir, 'http.key') };
    copyFileSync(first!, tls.certificate);
    copyFileSync(workshop.key('ec'), tls.key);
    return tls;
  };

  const shake = async (address: string, version?: 'TLSv1.1' | 'TLSv1.2'): Promise<TLSSocket> => {
    const port = Number(address.split(':')[1]);
    const versions = version !== undefined && { minVersion: version, maxVersion: version };
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      ca: caOf(),
      ciphers: 'DEFAULT@SECLEVEL=0',
      ...versions,
    });
    await once(socket, 'secureConnect');
    return socket;
  };
  const caOf = (): Buffer => readFileSync(workshop.ca);
  const nameAt = async (address: string): Promise<string> => {
    const socket = await shake(address);
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  };
  const statusAt = (address: string, auth?: string): Promise<number> => {
    const agent = new Agent({ ca: caOf() });
    return new Promise((resolve, reject) => {
      get(`https://${address}/readyz`, { agent, ...(auth !== undefined && { auth }) }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      }).on('error', reject);
    });
  };

  test('answers whoever trusts its certificate, by TLS 1.2 at least, and with the password', async () => {
    const { address } = await testDoor({ tls: files(), authorization: 'name:secret', listen: '127.0.0.1:0' });
    const statuses = [await statusAt(address, 'name:secret'), await statusAt(address, 'name:wrong')];
    expect(statuses).toEqual([200, 401]);
    expect((await shake(address, 'TLSv1.2')).getProtocol()).toBe('TLSv1.2');
    await expect(shake(address, 'TLSv1.1')).rejects.toThrow();
    await expect(ask({ address }, 'GET', '/readyz')).rejects.toThrow();
  });

  test('takes a renewed certificate by itself, and keeps the former while the files do not fit together', async () => {
    const tls = files();
    const door = await testDoor({ tls, clock: HASTY });
    expect(await nameAt(door.address)).toBe('number 1');
    writeFileSync(tls.certificate, 'half of it');
    await eventually(
      () => door.log.messages('warn').join(),
      (lines) => lines.includes('keeps its former certificate'),
    );
    expect(await nameAt(door.address)).toBe('number 1');
    copyFileSync(second!, tls.certificate);
    await eventually(
      () => nameAt(door.address),
      (name) => name === 'number 2',
    );
  });

  test('goes on while a renewal keeps it from the files, from the first look on', async () => {
    const { certificate } = files();
    const [link, log] = [join(dirname(certificate), 'live'), recordedLog()];
    const tls = { certificate: join(link, 'http.pem'), key: join(link, 'http.key') };
    const taken = (): string => log.messages('info').join();
    symlinkSync(dirname(certificate), link);
    const door = await testDoor({ tls, clock: HASTY });
    const relink = (target: string): void => {
      rmSync(link);
      symlinkSync(target, link);
    };
    relink('live'); // a loop, which root cannot enter either
    await eventually(
      () => door.log.messages('warn').join(),
      (lines) => lines.includes('keeps its former certificate'),
    );
    expect(await nameAt(door.address)).toBe('number 1');
    const ending = new AbortController();
    const kept = keepCertificate(createServer(), () => tls, { clock: HASTY, log }, ending.signal);
    copyFileSync(second!, certificate);
    relink(dirname(certificate));
    await eventually(
      () => nameAt(door.address),
      (name) => name === 'number 2',
    );
    await eventually(taken, (lines) => lines.includes('has changed and is taken'));
    ending.abort();
    await kept;
  });

  test('takes other files at a reload, and says what a reload cannot do, and which files are of no use', async () => {
    const door = await testDoor({ tls: files() });
    const settings = { authorization: undefined, metrics: undefined, padsTopic: true };
    const other = files();
    copyFileSync(second!, other.certificate);
    door.change({ ...settings, tls: other });
    expect(await nameAt(door.address)).toBe('number 2');
    expect(() => door.change(settings)).toThrow('serve.tls: a door with TLS cannot become one without');
    const wrong = { ...other, key: workshop.key('rsa') };
    expect(() => door.change({ ...settings, tls: wrong })).toThrow(/cannot be used together \(/);
    await expect(testDoor({ tls: { ...other, key: '/nowhere' } })).rejects.toThrow(
      'serve.tls.key: /nowhere cannot be read',
    );
    const plain = await testDoor();
    expect(() => plain.change({ ...settings, tls: other })).toThrow('a door with TLS');
    expect(await nameAt(door.address)).toBe('number 2');
  });

  test('cuts clients that never agree on TLS, at the end too', async () => {
    const door = await testDoor({ tls: files(), limits: { headerMs: 50 } });
    await (
      await rawConnection(door)
    ).closed;
    const lasting = await testDoor({ tls: files() });
    const silent = await rawConnection(lasting);
    await statusAt(lasting.address);
    await lasting.close();
    await silent.closed;
  });

  test('is checked: what others can read on the way, and when the certificate ends', () => {
    const tls = files();
    const more = { metrics: true, status: false, pluginPadding: true, pluginNamesMailboxes: false };
    const verdict = (
      serve: object,
      nowMs = Date.now(),
      isForUs: (path: string) => boolean = () => true,
    ): string =>
      checkHttpDoor({ ...more, ...serve }, { nowMs, isForUs })
        .map(({ point, state, text }) => `${point} ${state} ${text}`)
        .join();
    expect(verdict({})).toBe('');
    expect(verdict({ http: '127.0.0.1:1', httpPasswordFile: '/x' })).toBe('');
    expect(verdict({ http: '0.0.0.0:1', httpPasswordFile: '/x' })).toMatch(
      /^HTTP door warning .*without TLS$/,
    );
    expect(verdict({ http: '0.0.0.0:1', tls })).toMatch(/^HTTP door ok 0\.0\.0\.0:1 has TLS.* until \d{4}-/);
    expect(verdict({ http: ':1', tls }, Date.now() + 50 * DAY_MS)).toMatch(/^HTTP door warning .* ends on /);
    expect(verdict({ http: ':1', tls }, Date.now() + 90 * DAY_MS)).toMatch(
      /^HTTP door problem .* has ended on /,
    );
    expect(verdict({ http: ':1', tls: { ...tls, key: '/nowhere' } })).toContain(
      `${HTTP_DOOR} problem serve.tls.key`,
    );
    for (const file of [tls.certificate, tls.key])
      expect(verdict({ http: ':1', tls }, Date.now(), (path) => path !== file)).toBe(
        `${HTTP_DOOR} skipped needs first: mail user`,
      );
  });
});
