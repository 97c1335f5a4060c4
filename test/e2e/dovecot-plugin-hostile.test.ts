import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeModifiedUtf7 } from '../../src/mailboxes/modified-utf7.ts';
import { makeSpool } from '../support/dovecot-host.ts';
import { buildPlugin, describeWithPlugin } from '../support/dovecot-plugin.ts';
import { dovecotInstallation } from '../support/dovecot-installation.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from '../support/events.ts';
import { createImapPipe, type ImapPipe } from '../support/imap-pipe.ts';

const IDS = `aps-version 2 aps-account-id ${ACCOUNT_ID} aps-device-token ${DEVICE_TOKEN}`;
const PHONE = `${IDS} aps-subtopic com.apple.mobilemail`;

/** A literal that is not waited for (RFC 7888), with any bytes. */
function literal(bytes: string): string {
  return `{${Buffer.byteLength(bytes, 'latin1')}+}\r\n${bytes}`;
}

/** The mailboxes that are told, in quotes, and how the tagged line begins. */
interface Answer {
  told?: string[];
  tagged: RegExp;
}

const OK: RegExp = /^OK XAPPLEPUSHSERVICE completed/;
const BAD: RegExp = /^BAD Error in IMAP command XAPPLEPUSHSERVICE: /;
const CANNOT = /^NO \[CANNOT\] /;
const names = (list: string): string => `${PHONE} mailboxes (${list})`;

/** What stands behind XAPPLEPUSHSERVICE, in Latin-1, and what comes of it. */
const TABLE: [what: string, input: string, answer: Answer][] = [
  [
    'quoted words, as phones send them',
    `${PHONE.replaceAll(/\S+/g, '"$&"')} "mailboxes" ("INBOX")`,
    { told: ['"INBOX"'], tagged: OK },
  ],
  [
    'literals',
    names(`${literal('INBOX')} ${literal('Entw&APw-rfe')}`),
    { told: ['"INBOX"', '"Entw&APw-rfe"'], tagged: OK },
  ],
  [
    'any order, and pairs of later phones',
    `mailboxes (INBOX) x NIL y (a (b) NIL) z ${literal('\0')} ${PHONE}`,
    { told: ['"INBOX"'], tagged: OK },
  ],
  [
    'names in another case',
    names('INBOX').replaceAll(/aps-\S+|mailboxes/g, (key) => key.toUpperCase()),
    { told: ['"INBOX"'], tagged: OK },
  ],
  [
    'version 1, which knows no mailboxes',
    names('INBOX').replace('aps-version 2', 'aps-version 1'),
    { told: [], tagged: OK },
  ],
  [
    'a version to come',
    names('INBOX').replace('aps-version 2', 'aps-version 30000000000'),
    { told: ['"INBOX"'], tagged: OK },
  ],
  ['a mailbox that Dovecot makes by itself', names('Drafts'), { told: ['"Drafts"'], tagged: OK }],
  [
    'names that need quotes',
    names('"quo\\"te" "With Space"'),
    { told: ['"quo\\"te"', '"With Space"'], tagged: OK },
  ],
  [
    'mailboxes twice, and INBOX in any case',
    names('INBOX Inbox INBOX'),
    { told: ['"INBOX"', '"Inbox"', '"INBOX"'], tagged: OK },
  ],
  ['no mailboxes', names(''), { told: [], tagged: OK }],
  ['no list of mailboxes', PHONE, { told: [], tagged: OK }],
  [
    'names that are none',
    names('"&bad" &AGE- "Sent/" "a//b" "" "../x" "/etc/passwd" "~/x" "a\xe4" NoSuch Deep'),
    { told: [], tagged: OK },
  ],
  ['names in UTF-8', names('"Entw\xc3\xbcrfe"'), { told: [], tagged: OK }],
  [
    'a name that Dovecot alone takes for another, since it leaves out the last bits',
    names('Entw&APx-rfe Entw&APw-rfe'),
    { told: ['"Entw&APw-rfe"'], tagged: OK },
  ],
  ['CR and LF in a name', names(literal('IN\r\nBOX')), { told: [], tagged: OK }],
  ['bytes that are no UTF-8 in a name', names('"A\xff\xfe" INBOX'), { told: ['"INBOX"'], tagged: OK }],
  [
    'names of a thousand bytes',
    names(`${'a'.repeat(1000)} ${encodeModifiedUtf7('ä'.repeat(350))} INBOX`),
    { told: ['"INBOX"'], tagged: OK },
  ],
  ['a name longer than any', names(`${'a'.repeat(5000)} INBOX`), { told: ['"INBOX"'], tagged: OK }],
  [
    'as many mailboxes as there may be',
    names('INBOX '.repeat(1000).trim()),
    { told: Array<string>(1000).fill('"INBOX"'), tagged: OK },
  ],
  ['one more', names('INBOX '.repeat(1001).trim()), { tagged: /^NO \[LIMIT\] / }],
  ['lists in lists', `${PHONE} x ${'('.repeat(30_000)}${')'.repeat(30_000)}`, { told: [], tagged: OK }],
  ['NUL in a name', names(literal('IN\0BOX')), { tagged: BAD }],
  ['NUL in a value', `${PHONE} aps-account-id ${literal('A\0B')}`, { tagged: BAD }],
  ['bytes that are no UTF-8 in a value', `${PHONE} aps-account-id "A\xff"`, { tagged: BAD }],
  ['NIL, which is a word here, for a value', `${PHONE} aps-account-id NIL`, { tagged: CANNOT }],
  ['a list for a value', `${PHONE} aps-account-id (a)`, { tagged: BAD }],
  ['a list within the list', names('INBOX (Sent)'), { tagged: BAD }],
  ['NIL, a mailbox like others, within the list', names('NIL'), { told: [], tagged: OK }],
  ['no list for mailboxes', `${PHONE} mailboxes INBOX`, { tagged: BAD }],
  ['a version that is no number', `${PHONE} aps-version two`, { tagged: BAD }],
  ['an empty version', `${PHONE} aps-version ""`, { tagged: BAD }],
  ['a name without its value', `${PHONE} mailboxes`, { tagged: BAD }],
  ['a list for a name', '(a) b', { tagged: BAD }],
  ['nothing', '', { tagged: BAD }],
  ['a quoted string of 100 kB', `${PHONE} x "${'a'.repeat(100_000)}"`, { tagged: BAD }],
  [
    'CR and LF in an account id',
    `${PHONE} aps-account-id ${literal(`${ACCOUNT_ID}\r\n`)}`,
    { tagged: CANNOT },
  ],
  ['control characters in a device token', `${PHONE} aps-device-token "\x01\x1b\x7f"`, { tagged: CANNOT }],
  ['another app', `${IDS} aps-subtopic com.apple.mobilecal mailboxes (INBOX)`, { tagged: CANNOT }],
  ['no account id', PHONE.replace('aps-account-id', 'x'), { tagged: /^NO Missing aps-account-id/ }],
  ['no device token', PHONE.replace('aps-device-token', 'x'), { tagged: /^NO Missing aps-device-token/ }],
  ['no subtopic', IDS, { tagged: /^NO Missing aps-subtopic/ }],
];

/** With these Dovecot closes the connection; nothing is registered. */
const CLOSED: [what: string, input: string][] = [
  ['a literal of 64 KiB', names(`{65536+}\r\n${'a'.repeat(65_536)}`)],
  ['a hundred literals', names(literal('a'.repeat(30_000)).repeat(100))],
  ['a literal that has no end', names('{5+}\r\nIN')],
];

const TOPIC = 'com.apple.mobilemail.push.org.example';

function isVersion1(input: string): boolean {
  return input.includes('aps-version 1 ');
}

describeWithPlugin('the plugin, under AddressSanitizer, with what nobody sends', () => {
  let imap: ImapPipe;
  let spool: string;

  beforeAll(async () => {
    const dir = mkdtempSync(join(realpathSync(tmpdir()), 'imap-pipe-'));
    execFileSync('chmod', ['755', dir]);
    spool = join(dir, 'spool');
    makeSpool(spool);
    const sanitizer = execFileSync('cc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
    const plugin = buildPlugin('-fno-lto -fsanitize=address,undefined -fno-sanitize-recover=undefined');
    imap = await createImapPipe(dir, plugin, {
      LD_PRELOAD: realpathSync(sanitizer),
      ASAN_OPTIONS: 'detect_leaks=0', // Dovecot leaves to the end of the process what it has
      XAPPLEPUSH_TOPIC: TOPIC,
      XAPPLEPUSH_SPOOL: spool,
    });
    const { code, log } = await imap.run(
      session([
        'CREATE Entw&APw-rfe',
        'CREATE "quo\\"te"',
        'CREATE "With Space"',
        'CREATE Deep/Er',
        'CREATE Public/News',
      ]),
    );
    expect({ code, log: log.replace(/^.*Info: .*\n/gm, '') }).toEqual({ code: 0, log: '' });
  });
  afterAll(() => {
    rmSync(imap.dir, { recursive: true, force: true });
  });

  const session = (commands: readonly string[]): Buffer =>
    Buffer.from(
      [...commands, 'LOGOUT'].map((command, index) => `t${index} ${command}\r\n`).join(''),
      'latin1',
    );
  const kept = (): unknown[] =>
    readdirSync(join(spool, 'new')).map((name) => {
      const file = join(spool, 'new', name);
      const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
      rmSync(file);
      return value;
    });

  describe('in one session', () => {
    let answers: string[];

    beforeAll(async () => {
      const { output, log, code } = await imap.run(
        session(TABLE.map(([, input]) => `XAPPLEPUSHSERVICE ${input}`)),
      );
      expect({ code, log: log.replace(/^.*Info: .*\n/gm, '') }).toEqual({ code: 0, log: '' });
      answers = output.split(/^(?=t\d+ )/m);
    });

    test.each(TABLE.map(([what, input, answer], index) => ({ what, input, answer, index })))(
      '$what',
      ({ input, answer: { told, tagged }, index }) => {
        // The untagged lines of a command stand behind the tagged one of that before.
        const [, ...lines] = `\r\n${answers[index] ?? ''}`
          .split('\r\n')
          .filter((line) => !line.startsWith('t'));
        expect(answers[index + 1]?.replace(/^t\d+ /, '')).toMatch(tagged);
        const version = isVersion1(input) ? '1' : '2';
        const prefix = '* XAPPLEPUSHSERVICE ';
        expect(
          lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length)),
        ).toEqual(
          told === undefined
            ? []
            : [
                ...told.map((name) => `"mailbox" ${name}`),
                `"aps-version" "${version}" "aps-topic" "${TOPIC}"`,
              ],
        );
      },
    );

    test('keeps what was answered with a mailbox, or with version 1', () => {
      const expected = TABLE.filter(
        ([, input, { told }]) => told !== undefined && (told.length > 0 || isVersion1(input)),
      );
      expect(kept()).toHaveLength(expected.length);
      expect(readdirSync(join(spool, 'tmp'))).toEqual([]);
    });
  });

  test.each(CLOSED)('%s ends the connection, and registers nothing', async (_what, input) => {
    const { output, log } = await imap.run(Buffer.from(`t0 XAPPLEPUSHSERVICE ${input}`, 'latin1'));
    expect(output).not.toContain('XAPPLEPUSHSERVICE "');
    expect(log).not.toMatch(/ERROR|runtime error|Panic|signal/);
    expect(kept()).toEqual([]);
  });

  test.each([
    ['', []],
    ['com.apple.mail.', ['XAPPLEPUSH_TOPIC is no topic of Mail, so no phone can register']],
    ['com.apple.mgmt.External.1', ['XAPPLEPUSH_TOPIC is no topic of Mail, so no phone can register']],
    ['com.apple.mail.XServer.a"b', ['XAPPLEPUSH_TOPIC is no topic of Mail, so no phone can register']],
  ])('with the topic %j it is not offered', async (topic, complaints) => {
    const input = session([`XAPPLEPUSHSERVICE ${names('INBOX')}`]);
    const { output, log } = await imap.run(input, { XAPPLEPUSH_TOPIC: topic });
    expect(output).toMatch(/^\* PREAUTH \[CAPABILITY (?!.*XAPPLEPUSHSERVICE)/);
    expect(output).toMatch(/^t0 NO \[UNAVAILABLE\] Pushes are not offered here/m);
    expect([...log.matchAll(/Error: xapplepush: (.*)/g)].map(([, text]) => text)).toEqual(complaints);
    expect(kept()).toEqual([]);
  });

  test.each([
    ['', ['INBOX', 'Entw&APw-rfe'], []],
    ['own', ['INBOX', 'Entw&APw-rfe'], []],
    ['all', ['INBOX', 'Entw&APw-rfe', 'Public/News'], []],
    ['inbox', ['INBOX'], []],
    [
      'ALL',
      ['INBOX', 'Entw&APw-rfe'],
      ['XAPPLEPUSH_MAILBOXES is none of inbox, own and all: phones are told their own'],
    ],
  ])('with XAPPLEPUSH_MAILBOXES=%s it is told %j', async (value, told, complaints) => {
    const command = `XAPPLEPUSHSERVICE ${names('INBOX Entw&APw-rfe Public/News')}`;
    const { output, log } = await imap.run(session([command]), { XAPPLEPUSH_MAILBOXES: value });
    expect([...output.matchAll(/"mailbox" "(.*)"/g)].map(([, name]) => name)).toEqual(told);
    expect([...log.matchAll(/Error: xapplepush: (.*)/g)].map(([, text]) => text)).toEqual(complaints);
    expect(kept()).toMatchObject([{ mailboxes: told.map((name) => ({ name })) }]);
  });

  test('a user whose name is too long for xapplepush is not offered it', async () => {
    const input = session([`XAPPLEPUSHSERVICE ${names('INBOX')}`]);
    const { output } = await imap.run(input, { USER: 'a'.repeat(1025) });
    expect(output).toMatch(/^t0 NO \[UNAVAILABLE\] Pushes are not offered here/m);
    const { output: longest } = await imap.run(input, { USER: 'a'.repeat(1024) });
    expect(longest).toMatch(/^t0 OK XAPPLEPUSHSERVICE/m);
    expect(kept()).toHaveLength(1);
  });

  test('of others alone, which it is not told, it is answered, and nothing is kept', async () => {
    const { output } = await imap.run(session([`XAPPLEPUSHSERVICE ${names('Public/News')}`]));
    expect(output).toMatch(/^t0 OK XAPPLEPUSHSERVICE/m);
    expect(output).not.toContain('"mailbox"');
    expect(kept()).toEqual([]);
  });

  test('no mailbox was made by asking for it', () => {
    expect(readdirSync(join(imap.dir, 'home/Maildir'))).not.toContain('.Drafts');
  });

  describe('a session', () => {
    test('registers a hundred times, and no more', async () => {
      const { output } = await imap.run(
        session(Array<string>(102).fill(`XAPPLEPUSHSERVICE ${names('INBOX')}`)),
      );
      expect(output.match(/^t\d+ OK XAPPLEPUSHSERVICE/gm)).toHaveLength(100);
      expect(output.match(/^t\d+ NO \[LIMIT\]/gm)).toHaveLength(2);
      expect(kept()).toHaveLength(100);
    });

    test('by a file that nobody else may read, in the format of docs/registering.md', async () => {
      await imap.run(session([`xapplepushservice ${names('inbox Entw&APw-rfe')}`]));
      const [name = ''] = readdirSync(join(spool, 'new'));
      expect(name).toMatch(/^\d+\.[0-9a-f]{32}\.json$/);
      const stat = execFileSync('stat', ['-c', '%a %u', join(spool, 'new', name)], { encoding: 'utf8' });
      expect(stat.trim()).toBe(`600 ${dovecotInstallation().uid}`);
      expect(kept()).toEqual([
        {
          ...{ registration: 1, source: 'dovecot-plugin', user: 'alice', version: 2, topic: TOPIC },
          ...{ accountId: ACCOUNT_ID, deviceToken: DEVICE_TOKEN, subtopic: 'com.apple.mobilemail' },
          mailboxes: [
            { name: 'inbox', vname: 'INBOX' },
            { name: 'Entw&APw-rfe', vname: 'Entwürfe' },
          ],
        },
      ]);
    });
  });
});
