import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDoveconf } from '../../../src/check/dovecot/doveconf-output.ts';
import { checkRegistration } from '../../../src/check/dovecot/registration-plugin.ts';
import { loadConfig } from '../../../src/config/load.ts';
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

interface Given {
  spool?: string;
  padsTopic?: boolean;
  topics?: readonly string[] | undefined;
  folders?: readonly string[];
  /** More lines of the configuration. */
  yaml?: string;
}

/** What is said of it, each with its fix. */
function judged(output: string, given: Given = {}): string[] {
  const doveconf = parseDoveconf(output);
  if (doveconf === undefined) throw new Error('no output of doveconf');
  const { spool = '/var/spool/xapplepush', padsTopic = true, folders = [], yaml = '' } = given;
  const topics = 'topics' in given ? given.topics : [TOPIC];
  const file = join(temporaryFolder(), 'config.yaml');
  writeFileSync(file, `spool: ${spool}\nserve: { plugin_padding: ${padsTopic} }\n${yaml}`);
  return checkRegistration(doveconf, { config: loadConfig(file, {}), topics, folders }).map(
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

  /** A line that adds a plugin to what stands in that place. */
  const adding = (plugin: string): string =>
    version === '2.3'
      ? `mail_plugins = ${plugin} imap_xapplepush\n`
      : `mail_plugins {\n${plugin} = yes\nimap_xapplepush = yes\n}\n`;
  const alone = (plugin: string): string =>
    version === '2.3' ? `mail_plugins = ${plugin}\n` : `mail_plugins {\n${plugin} = yes\n}\n`;

  test.each([
    [`protocol imap {\n${adding('xaps_imap')}}\n`, 'protocol imap', 'xaps_imap'],
    [
      `local 127.0.0.2 {\nprotocol imap {\n${adding('xaps_imap')}}\n}\n`,
      'protocol imap in local 127.0.0.2',
      'xaps_imap',
    ],
    [
      `remote 10.0.0.0/8 {\nprotocol imap {\n${alone('xaps')}}\n}\n`,
      'protocol imap in remote 10.0.0.0/8',
      'xaps',
    ],
    [`local_name a.example {\n${alone('xaps_imap')}}\n`, 'local_name a.example', 'xaps_imap'],
    [`protocol pop3 {\n${alone('xaps_push_notification')}}\n`, 'protocol pop3', 'xaps_push_notification'],
    [
      `protocol lmtp {\n${alone('xaps_push_notification')}}\nprotocol lda {\n${alone('xaps_push_notification')}}\n`,
      'protocol lmtp and protocol lda',
      'xaps_push_notification',
    ],
  ])('is not to stand beside another one: %j', (lines, place, other) => {
    const loss = other.includes('push_notification')
      ? 'mail is told of twice, and waits where its daemon has gone'
      : 'two plugins answer one command';
    expect(judged(`${output}${lines}`)).toEqual([
      `problem: mail_plugins of ${place} names ${other} beside imap_xapplepush: ${loss} → take ${other} out there`,
    ]);
  });

  test('may stand beside one that alone tells of mail', () => {
    const without = output
      .replace(/^plugin \{[^]*?^\}\n/m, '')
      .replace(/^push_notification lua \{[^]*?^\}\n/m, '');
    const lines = `protocol lmtp {\n${alone('xaps_push_notification')}}\n`;
    expect(judged(`${without}${lines}`)).toEqual([expect.stringMatching(/^ok/)]);
  });

  test('is found in a block for some connections alone', () => {
    const lines = `local 127.0.0.2 {\nprotocol imap {\n${alone('imap_xapplepush')}}\n}\n`;
    const elsewhere = output.replace(/^protocol imap \{[^]*?^\}\n/m, lines);
    expect(judged(elsewhere)).toEqual([`ok: by our plugin, with the topic ${TOPIC}`]);
  });

  describe('tells phones of', () => {
    const SHARED = captured(`${version}-shared`).match(/^namespace [^]*^\}\n/m)?.[0] ?? '';
    const setTo = (value: string): string =>
      output.replace(
        /^( *)XAPPLEPUSH_SPOOL = .*$|$(?<=XAPPLEPUSH_SPOOL=\S+)/m,
        version === '2.3' ? ` XAPPLEPUSH_MAILBOXES=${value}` : `$&\n$1XAPPLEPUSH_MAILBOXES = ${value}`,
      );
    const equals = version === '2.3' ? '=' : ' = ';
    const line = (value: string): string => ` → in import_environment: XAPPLEPUSH_MAILBOXES${equals}${value}`;
    const shared = 'targets: { shared_mailboxes: true }';
    const inboxOnly = 'events: { MessageNew: inbox }';

    test.each([
      ['their own, which are pushed for', `${output}${SHARED}`, ''],
      ['the same, where it is said', `${setTo('own')}${SHARED}`, ''],
      ['all, which are pushed for', `${setTo('all')}${SHARED}`, shared],
      ['all, where there are none of others', setTo('all'), ''],
      ['their own, where there are none of others', output, shared],
      ['INBOX, which is pushed for', `${setTo('inbox')}${SHARED}`, inboxOnly],
      ['INBOX, though more is pushed for', `${setTo('inbox')}${SHARED}`, shared],
    ])('%s', (_what, given, yaml) => {
      expect(judged(given, { yaml })).toEqual([`ok: by our plugin, with the topic ${TOPIC}`]);
    });

    test.each([
      [
        'all, of which some are not pushed for',
        `${setTo('all')}${SHARED}`,
        '',
        `warning: phones are told of mailboxes in shared/%u/ and Public/, and hear nothing of them, by targets.shared_mailboxes: false${line('own')}`,
      ],
      [
        'their own, though more is pushed for',
        `${output}${SHARED}`,
        shared,
        `warning: phones are not told of mailboxes in shared/%u/ and Public/, and so cannot hear of them, whatever targets.shared_mailboxes says${line('all')}`,
      ],
      [
        'their own, and INBOX alone is pushed for',
        output,
        inboxOnly,
        `warning: phones are told of all their mailboxes, and events tells of INBOX alone${line('inbox')}`,
      ],
      [
        'what is none',
        setTo('some'),
        '',
        `problem: XAPPLEPUSH_MAILBOXES is some, expected inbox, own or all: phones are told their own${line('own')}`,
      ],
    ])('%s', (_what, given, yaml, said) => {
      expect(judged(given, { yaml })).toEqual([said]);
    });
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
