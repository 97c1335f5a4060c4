import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueClientCertificate } from '../../src/apns/credentials/pki.ts';
import type { ApnsConfig, Config } from '../../src/config/config.ts';
import { ownTopics, unusedTopics } from '../../src/prune/topics.ts';
import { startTestApns, type TestApns } from '../support/apns.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();
const OLD_TOPIC = 'com.apple.mail.XServer.00000000-1111-4222-8333-444444444444';
const CYRUS_TOPIC = 'com.apple.mail.XServer.00000000-1111-4222-8333-555555555555';

describe('unusedTopics', () => {
  const used = { topic: 'used', count: 3, renewedMs: NOW_MS - DAY_MS };
  const unused = { topic: 'unused', count: 2, renewedMs: NOW_MS - DAY_MS - 1 };
  const unknown = { topic: '', count: 1, renewedMs: 0 };

  test('are those that are not ours and that no phone registers under', () => {
    expect(unusedTopics([used, unused, unknown], new Set(['ours']), NOW_MS)).toEqual([unused]);
    expect(unusedTopics([used, unused, unknown], new Set(['unused']), NOW_MS)).toEqual([]);
    expect(unusedTopics([used, unused, unknown], new Set(), NOW_MS)).toEqual([unused]);
  });
});

describe('ownTopics', () => {
  let apns: TestApns;
  let dir: string;
  beforeAll(async () => {
    apns = await startTestApns();
    dir = mkdtempSync(join(tmpdir(), 'xapplepush-topics-'));
    const { caKey, ca } = apns.files;
    const authority = { certificatePem: readFileSync(ca, 'utf8'), keyPem: readFileSync(caKey, 'utf8') };
    const old = issueClientCertificate(authority, { topic: OLD_TOPIC });
    writeFileSync(join(dir, 'old.pem'), `${old.certificatePem}${old.keyPem}`);
    writeFileSync(join(dir, 'imapd.conf'), `aps_topic: ${CYRUS_TOPIC}\n`);
  });
  afterAll(async () => {
    await apns.close();
    rmSync(dir, { recursive: true });
  });

  function configWith(more: Partial<ApnsConfig>, imapdConf = join(dir, 'imapd.conf')): Config {
    const { clientCertificate: certificate, clientKey: key } = apns.files;
    return { apns: { server: apns.url, certificate, key, ...more }, imapdConf } as Config;
  }

  test('are those of every credential and that of Cyrus', () => {
    const config = configWith({ also: [{ certificate: join(dir, 'old.pem') }] });
    expect([...ownTopics(config, NOW_MS)]).toEqual(
      expect.arrayContaining([apns.topic, OLD_TOPIC, CYRUS_TOPIC]),
    );
    const without = ownTopics(configWith({}, join(dir, 'none')), NOW_MS);
    expect(without).toContain(apns.topic);
    expect(without).not.toContain(CYRUS_TOPIC);
  });

  test('are refused where a credential cannot be loaded', () => {
    const missing = join(dir, 'missing.pem');
    for (const config of [
      configWith({ certificate: missing }),
      configWith({ also: [{ certificate: missing }] }),
    ])
      expect(() => ownTopics(config, NOW_MS)).toThrow(expect.objectContaining({ exitCode: 78 }) as Error);
  });

  test('are refused where imapd.conf cannot be read', () => {
    expect(() => ownTopics(configWith({}, dir), NOW_MS)).toThrow(
      expect.objectContaining({ exitCode: 78 }) as Error,
    );
  });
});
