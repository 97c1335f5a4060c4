import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDoveconf } from '../../../src/check/dovecot/doveconf-output.ts';
import {
  checkRegistration,
  type RegistrationOptions,
} from '../../../src/check/dovecot/registration-plugin.ts';
import { temporaryFolder } from '../../support/store.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/doveconf');
const TOPIC = 'com.apple.mail.XServer.11111111-2222-3333-4444-555555555555';
const ABI = { '2.3': '2.3.ABIv19(2.3.19.1)', '2.4': '2.4.ABIv1' };
const VERSIONS = ['2.3', '2.4'] as const;
type Version = (typeof VERSIONS)[number];

function captured(name: string): string {
  return readFileSync(join(FIXTURES, `${name}.txt`), 'utf8');
}

/** A folder of plugins: one of Dovecot's own, and ours compiled for that ABI. */
function modules(version: Version, ours?: string): string {
  const folder = join(temporaryFolder(), 'modules');
  mkdirSync(folder);
  writeFileSync(join(folder, 'lib10_quota_plugin.so'), `\0\x7fELF\0${ABI[version]}\0`);
  if (ours !== undefined) writeFileSync(join(folder, 'lib95_imap_xapplepush_plugin.so'), `\0${ours}\0`);
  return folder;
}

/** What is said of it, each with its fix. */
function judged(output: string, options: Partial<RegistrationOptions> = {}): string[] {
  const doveconf = parseDoveconf(output);
  if (doveconf === undefined) throw new Error('no output of doveconf');
  const given = { spool: '/var/spool/xapplepush', padsTopic: true, topics: [TOPIC], folders: [], ...options };
  return checkRegistration(doveconf, given).map(
    ({ state, text, fix }) => `${state}: ${text}${fix === null ? '' : ` → ${fix}`}`,
  );
}

describe.each(VERSIONS)('our plugin in Dovecot %s', (version) => {
  const output = captured(`${version}-plugin`);
  const abi = ABI[version];

  test('as the example has it is well', () => {
    const well = [`ok: by our plugin, with the topic ${TOPIC}`];
    expect(judged(output, { folders: ['/no/such', modules(version, abi)] })).toEqual(well);
    expect(judged(output, { topics: undefined })).toEqual(well);
    const named = `${output}mail_plugin_dir = ${modules(version, abi)}\n`;
    expect(judged(named, { folders: [modules(version)] })).toEqual(well);
  });

  test('compiled for another release of the same ABI is well', () => {
    expect(judged(output, { folders: [modules(version, abi.replace('19.1', '19.9'))] })).toHaveLength(1);
    expect(judged(output, { folders: [modules(version, abi.replace('19.1', '19.9'))] })[0]).toMatch(/^ok/);
  });

  test('is not to stand beside another one', () => {
    const both = output.replaceAll('imap_xapplepush', 'imap_xapplepush xaps_imap');
    const block =
      'protocol imap {\n  mail_plugins {\n    imap_xapplepush = yes\n    xaps_imap = yes\n  }\n}\n';
    expect(judged(version === '2.3' ? both : `${output}${block}`)).toEqual([
      'problem: mail_plugins of protocol imap names xaps_imap beside imap_xapplepush: two plugins answer one command → take xaps_imap out there',
    ]);
  });

  test('that is not there ends every log-in', () => {
    const folder = modules(version);
    expect(judged(output, { folders: [folder] })).toEqual([
      `problem: there is no lib95_imap_xapplepush_plugin.so in ${folder}: every IMAP session ends after its log-in → make -C dovecot install; until then, take imap_xapplepush out of mail_plugins`,
    ]);
  });

  test.each([
    ['2.2.ABIv1', 'is compiled for 2.2.ABIv1'],
    ['', 'is compiled for no known Dovecot'],
  ])('compiled for %j does so too', (other, text) => {
    const [said, ...more] = judged(output, { folders: [modules(version, other)] });
    expect(said).toContain(
      `${text}, and this Dovecot is ${abi.replace(/\(.*/, '')}: every IMAP session ends`,
    );
    expect(more).toEqual([]);
  });

  test.each([
    ['mail_plugins = acl imap_xapplepush\n', 'all protocols'],
    ['protocol lmtp {\n  mail_plugins = sieve imap_xapplepush\n}\n', 'protocol lmtp'],
    ['protocol doveadm {\n  mail_plugins {\n    imap_xapplepush = yes\n  }\n}\n', 'protocol doveadm'],
  ])('named in %j keeps mail from being delivered', (lines, place) => {
    expect(judged(`${output}${lines}`)).toEqual([
      `problem: mail_plugins of ${place} names imap_xapplepush, which only imap can load: no mail is delivered → take imap_xapplepush out there, and name it in protocol imap alone`,
    ]);
  });

  test.each([
    'imap_capability = IMAP4rev1 IDLE\n',
    'protocol imap {\n  imap_capability = IMAP4rev1 IDLE\n}\n',
  ])('is hidden by %j', (lines) => {
    expect(judged(`${output}${lines}`)).toEqual([
      expect.stringMatching(
        /^problem: imap_capability is a whole list, which hides XAPPLEPUSHSERVICE: no phone registers →/,
      ),
    ]);
  });

  test.each([
    'imap_capability = +XTEST\n',
    'imap_capability {\n  XTEST = yes\n}\n',
    'imap_capability = IMAP4rev1 XAPPLEPUSHSERVICE\n',
  ])('is not hidden by %j', (lines) => {
    expect(judged(`${output}${lines}`)).toEqual([expect.stringMatching(/^ok/)]);
  });

  test('with another topic than the certificate’s reaches nobody', () => {
    const equals = version === '2.3' ? '=' : ' = ';
    expect(judged(output, { topics: ['com.apple.mail.XServer.b', 'com.apple.mail.XServer.c'] })).toEqual([
      `problem: phones are told the topic ${TOPIC}, and the certificate is for com.apple.mail.XServer.b or com.apple.mail.XServer.c: no push reaches them → in import_environment: XAPPLEPUSH_TOPIC${equals}com.apple.mail.XServer.b`,
    ]);
  });

  test('without a topic, and with another spool, registers nobody', () => {
    const less = output.replaceAll(/XAPPLEPUSH_TOPIC/g, 'X');
    expect(judged(less, { spool: '/srv/spool' })).toEqual([
      expect.stringMatching(/^problem: XAPPLEPUSH_TOPIC is not set: no phone registers → .*XServer/),
      expect.stringMatching(
        /^problem: the plugin writes into \/var\/spool\/xapplepush, and xapplepush reads \/srv\/spool/,
      ),
    ]);
  });
});

test.each(VERSIONS)('%s without a plugin registers nobody, and with another one perhaps', (version) => {
  expect(judged(captured(`${version}-spool`))).toEqual([
    expect.stringMatching(
      /^warning: Dovecot has no plugin by which phones register → .*docs\/dovecot-plugin.md/,
    ),
  ]);
  const other = `${captured(`${version}-spool`)}protocol imap {\n  mail_plugins = xaps_imap\n}\n`;
  expect(judged(other)).toEqual(['ok: by the plugin xaps_imap']);
});

describe.each(VERSIONS)('an XAPS plugin in Dovecot %s', (version) => {
  const block = version === '2.4' ? 'mail_plugins {\n    xaps_imap = yes\n  }' : 'mail_plugins = xaps_imap';
  const output = `${captured(`${version}-spool`)}protocol imap {\n  ${block}\n}\n`;
  const short = ['com.apple.mobilemail.push.org.example'];
  const well = ['ok: by the plugin xaps_imap'];

  test('bears a long topic however it is set', () => {
    for (const padsTopic of [true, false]) expect(judged(output, { padsTopic })).toEqual(well);
    expect(judged(output, { topics: undefined, padsTopic: false })).toEqual(well);
  });

  test('bears a short one in one form only', () => {
    expect(judged(output, { topics: short, padsTopic: version === '2.3' })).toEqual(well);
    expect(judged(output, { topics: short, padsTopic: version === '2.4' })).toEqual([
      expect.stringMatching(
        version === '2.3'
          ? /^problem: .* for 2\.3 crashes .* → serve: \{ plugin_padding: true \}$/
          : /^warning: newer versions .* refuse the NULs .* → serve: \{ plugin_padding: false \}$/,
      ),
    ]);
  });
});
