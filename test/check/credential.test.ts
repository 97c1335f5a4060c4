import { describe, expect, test } from 'vitest';
import { type MockFiles, MOCK_TOPIC } from '../../src/apns/mock/ca.ts';
import { checkCredentials } from '../../src/check/credential.ts';
import type { Point } from '../../src/check/point.ts';
import type { ApnsConfig } from '../../src/config/config.ts';
import { testFiles } from '../support/apns.ts';
import { temporaryFolder } from '../support/store.ts';
import { certificateFor } from './setup.ts';

const TOPIC = 'com.apple.mail.XServer.second';
const SERVER = new URL('https://api.push.apple.com');

function configFor({ clientCertificate: certificate, clientKey: key }: MockFiles): ApnsConfig {
  return { server: SERVER, certificate, key };
}

function shown(points: readonly Point[]): string[] {
  return points.map(({ point, state, text }) => `${point} ${state}: ${text}`);
}

function check(apns: ApnsConfig): ReturnType<typeof checkCredentials> {
  return checkCredentials(apns, Date.now());
}

describe('checkCredentials', () => {
  test('tells topics and days of each, and which files they are in', () => {
    const authority = testFiles(temporaryFolder());
    const further = certificateFor(authority, TOPIC);
    const { usable, points, files, secretFiles } = check({
      ...configFor(authority),
      also: [{ certificate: further }],
    });
    const [first, second] = shown(points);
    expect(first).toMatch(new RegExp(`^credential ok: for ${MOCK_TOPIC}, until 20.*Z, 36\\d\\d days left`));
    expect(second).toMatch(
      /^credential 2 ok: for com\.apple\.mail\.XServer\.second, until .*, 36[45] days left/,
    );
    expect(usable).toHaveLength(2);
    expect(files).toEqual([authority.clientCertificate, authority.clientKey, further]);
    expect(secretFiles).toEqual([authority.clientKey, further]);
  });

  test('warns of an end within 30 days', () => {
    const certificate = certificateFor(testFiles(temporaryFolder()), TOPIC, 20);
    const { points, usable } = check({ server: SERVER, certificate });
    expect(shown(points)).toEqual([expect.stringMatching(/^credential warning: .* expires in (19|20) days/)]);
    expect(usable).toHaveLength(1);
  });

  test('an expired main one is a problem, an expired further one a warning', () => {
    const authority = testFiles(temporaryFolder());
    const certificate = certificateFor(authority, TOPIC, -1);
    const main = check({ server: SERVER, certificate });
    expect(main.usable).toBeUndefined();
    expect(shown(main.points)).toEqual([expect.stringMatching(/^credential problem: .*expired on/)]);
    const further = check({ ...configFor(authority), also: [{ certificate }] });
    expect(further.usable).toHaveLength(1);
    expect(further.points.map(({ state }) => state)).toEqual(['ok', 'warning']);
  });

  test('each defect is a point, with its fix', () => {
    const authority = testFiles(temporaryFolder());
    const also = [{ certificate: certificateFor(authority, MOCK_TOPIC, -1) }];
    const { points, usable } = check({ ...configFor(authority), key: '/no/such/key', also });
    expect(usable).toBeUndefined();
    expect(shown(points)[0]).toMatch(/^credential problem: .*\/no\/such\/key/);
    expect(shown(points).at(-1)).toMatch(/^credential 2 problem: /);
    expect(points.every(({ fix }) => fix !== null)).toBe(true);
  });

  test('a certificate for the sandbox alone is a problem at the production server', () => {
    const authority = testFiles(temporaryFolder());
    const certificate = certificateFor(authority, TOPIC, 365, ['development']);
    expect(shown(check({ server: SERVER, certificate }).points)).toEqual([
      expect.stringMatching(/^credential problem: .*sandbox only/),
    ]);
  });
});
