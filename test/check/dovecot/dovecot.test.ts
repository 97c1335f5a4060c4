import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkDovecot } from '../../../src/check/dovecot/dovecot.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Point } from '../../../src/check/point.ts';
import { temporaryFolder } from '../../support/store.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/doveconf');
const HEADER = {
  '2.3': '# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\n',
  '2.4': '# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf\n',
};

interface Given {
  complaints?: string[];
  failure?: string;
  hasCyrus?: boolean;
  domain?: 'keep' | 'strip';
  http?: string;
  spool?: string;
}

/** The points for what doveconf prints, as `point: state: text`, each with its fix. */
function judged(output: string, given: Given = {}): string[] {
  const { complaints = [], failure, hasCyrus = false, domain = 'keep', http, spool } = given;
  const config = {
    spool: spool ?? '/var/spool/xapplepush',
    users: { lowercase: true, domain },
    dovecot: { namespaces: [] },
    deltachat: loadConfig('/dev/null', {}).deltachat,
    targets: { maxPerUser: 20, sharedMailboxes: false, disableAfterMs: 1 },
    events: loadConfig('/dev/null', {}).events,
    serve: {
      metrics: true,
      status: false,
      pluginPadding: true,
      pluginNamesMailboxes: false,
      ...(http !== undefined && { http }),
    },
  };
  const run = { output, complaints, ...(failure !== undefined && { failure }) };
  return checkDovecot(run, { config, reader: undefined, hasCyrus }).map(shown);
}

function shown({ point, state, text, fix }: Point): string {
  return `${point}: ${state}: ${text}${fix === null ? '' : ` → ${fix}`}`;
}

function captured(name: string): string {
  return readFileSync(join(FIXTURES, `${name}.txt`), 'utf8');
}

/** Those of a point. */
function of(point: string, points: readonly string[]): string[] {
  return points.filter((each) => each.startsWith(`${point}: `)).map((each) => each.slice(point.length + 2));
}

describe('Dovecot as Debian has it', () => {
  test.each(['2.3', '2.4'])('%s tells of no mail, which is a warning where there is no Cyrus', (version) => {
    expect(judged(captured(`${version}-debian`))).toEqual([
      expect.stringMatching(
        new RegExp(`^Dovecot: warning: ${version}\\S+ loads neither .*90-xapplepush-${version}\\.conf`),
      ),
    ]);
    expect(judged(captured(`${version}-debian`), { hasCyrus: true })).toEqual([
      expect.stringMatching(/^Dovecot: ok: 2\.\S+, which tells xapplepush nothing: its points are left out$/),
    ]);
  });
});

describe('what doveconf complains of', () => {
  test('a mistake is told as it stands, with file and line', () => {
    const complaints = [
      'doveconf: Error: something',
      'doveconf: Fatal: Error in configuration file /etc/dovecot/conf.d/90.conf line 3: foo: Unknown setting: foo',
    ];
    expect(judged(captured('2.4-spool').slice(0, 110), { complaints })).toEqual([
      'Dovecot: problem: 2.4.1-4: Error in configuration file /etc/dovecot/conf.d/90.conf line 3: foo: Unknown setting: foo → correct it until doveconf -n says nothing of it; Dovecot does not start with it',
    ]);
  });

  test('vsz_limit = 0, with which 2.4 does not start, has its line', () => {
    const complaints = [
      'doveconf: Error: service(lmtp): vsz_limit is too low (did you mean "unlimited"?)',
      'doveconf: Fatal: Error in configuration file /etc/dovecot/dovecot.conf: service(lmtp): vsz_limit is too low (did you mean "unlimited"?)',
    ];
    expect(of('Dovecot', judged(captured('2.4-too-low'), { complaints }))).toEqual([
      expect.stringMatching(/^problem: .*vsz_limit is too low.* → service\/lmtp\/vsz_limit = unlimited$/),
    ]);
  });

  test.each<[Given, string]>([
    [{ failure: 'does not end within 10 s' }, 'problem: doveconf -n does not end within 10 s'],
    [
      { complaints: ['doveconf: Fatal: open(x) failed'] },
      'problem: doveconf -n fails: Fatal: open(x) failed',
    ],
    [{}, 'problem: doveconf -n prints nothing that could be read'],
    [
      { hasCyrus: true, failure: 'prints more than 4 bytes' },
      'warning: doveconf -n prints more than 4 bytes',
    ],
  ])('no output: %j', (given, expected) => {
    expect(of('Dovecot', judged('', given))).toEqual([expect.stringContaining(expected)]);
  });
});

const LUA = 'lua:file=/etc/dovecot/push.lua';
const ALL_FOUR = 'mail_lua notify push_notification push_notification_lua';
const PLUGIN = `plugin {\n  push_notification_driver = ${LUA}\n}\n`;
const BLOCK = 'push_notification lua {\n  lua_file = /etc/dovecot/push.lua\n}\n';
const FOUR = `mail_plugins {\n  mail_lua = yes\n  notify = yes\n  push_notification = yes\n  push_notification_lua = yes\n}\n`;

describe('mail_plugins', () => {
  const plugins = (output: string): string[] => of('Dovecot plugins', judged(output));

  test.each([
    ['2.3', captured('2.3-spool')],
    ['2.4', captured('2.4-spool')],
    [
      '2.4, a block that adds',
      HEADER['2.4'] + FOUR + BLOCK + 'protocol imap {\n  mail_plugins {\n    acl = yes\n  }\n}\n',
    ],
    [
      '2.3, only by protocol',
      `${HEADER['2.3']}${PLUGIN}protocol lmtp {\n  mail_plugins = ${ALL_FOUR}\n}\nprotocol imap {\n  mail_plugins = ${ALL_FOUR} acl\n}\n`,
    ],
    ['2.3, pop3 has others', `${captured('2.3-spool')}protocol pop3 {\n  mail_plugins = quota\n}\n`],
  ])('%s: is well', (_, output) => {
    expect(plugins(output)).toEqual(['ok: loaded for delivery and IMAP']);
  });

  test.each(['2.3', '2.4'])('%s: a list of its own in a protocol takes the place of ours', (version) => {
    expect(plugins(captured(`${version}-own-plugins`))).toEqual([
      'problem: mail_plugins of protocol lmtp is sieve, without mail_lua notify push_notification push_notification_lua: no push goes out for new mail → in protocol lmtp: mail_plugins = sieve mail_lua notify push_notification push_notification_lua',
    ]);
  });

  test.each([
    [
      'none at all',
      '2.3',
      PLUGIN,
      [`problem: mail_plugins is empty: no push goes out for new mail → mail_plugins = ${ALL_FOUR}`],
    ],
    [
      'push_notification_lua without mail_lua',
      '2.3',
      `mail_plugins = notify push_notification push_notification_lua\n${PLUGIN}`,
      [
        'problem: mail_plugins is notify push_notification push_notification_lua, without mail_lua: push_notification_lua is loaded without mail_lua: no mail is delivered → mail_plugins = notify push_notification push_notification_lua mail_lua',
      ],
    ],
    [
      'a later line for all in 2.4',
      '2.4',
      `mail_plugins = acl\n${BLOCK}`,
      [
        expect.stringMatching(
          /^problem: mail_plugins is acl, without .* → mail_plugins = acl mail_lua notify/,
        ),
      ],
    ],
    [
      'IMAP alone',
      '2.4',
      `${FOUR}${BLOCK}protocol imap {\n  mail_plugins = imap_quota\n}\n`,
      [
        expect.stringMatching(
          /of protocol imap is imap_quota.*for what is read, deleted or moved → in protocol imap: /,
        ),
      ],
    ],
    [
      'switched off in a block',
      '2.4',
      `${FOUR}${BLOCK}protocol lmtp {\n  mail_plugins {\n    notify = no\n  }\n}\n`,
      [expect.stringMatching(/of protocol lmtp is .*, without notify: /)],
    ],
    [
      'dovecot-lda',
      '2.3',
      `mail_plugins = ${ALL_FOUR}\n${PLUGIN}protocol lda {\n  mail_plugins = sieve\n}\n`,
      [expect.stringMatching(/of protocol lda is sieve/)],
    ],
    [
      'the OX driver, which IMAP need not load',
      '2.4',
      'push_notification ox {\n  url = http://[::1]:11619/notify\n}\nprotocol imap {\n  mail_plugins = acl\n}\n',
      [
        'problem: mail_plugins is empty: no push goes out for new mail → mail_plugins = notify push_notification',
      ],
    ],
  ] as const)('%s', (_, version, output, expected) => {
    expect(plugins(HEADER[version] + output)).toEqual(expected);
  });
});

describe('user names', () => {
  const names = (output: string, domain?: 'strip'): string[] =>
    of('Dovecot user names', judged(output, domain && { domain }));

  test("Debian 13's LMTP takes the domain off, and IMAP does not", () => {
    const [told, ...others] = names(captured('2.4-spool'));
    expect(told).toContain(
      'warning: LMTP takes the domain off user names (auth_username_format = %{user | username | lower}), and IMAP does not',
    );
    expect(told).toContain('users: { domain: strip }');
    expect(others).toEqual([]);
    expect(names(captured('2.4-spool'), 'strip')).toEqual([
      'ok: without their domain, by users.domain: strip',
    ]);
  });

  test.each([
    ['nothing set', '2.3', '', 'ok: the same for delivery and IMAP'],
    ['both without', '2.4', 'auth_username_format = %{user | username}\n', 'ok: the same'],
    ['both with', '2.4', 'protocol lmtp {\n  auth_username_format = %{user | lower}\n}\n', 'ok: the same'],
    ['2.3, LMTP alone', '2.3', 'protocol lmtp {\n  auth_username_format = %Ln\n}\n', 'warning: LMTP takes'],
    [
      'IMAP alone',
      '2.4',
      'protocol imap {\n  auth_username_format = %{user | username}\n}\n',
      'warning: IMAP takes',
    ],
  ] as const)('%s', (_, version, more, expected) => {
    const base = version === '2.3' ? `mail_plugins = ${ALL_FOUR}\n${PLUGIN}` : FOUR + BLOCK;
    expect(names(HEADER[version] + base + more)).toEqual([expect.stringContaining(expected)]);
  });
});

describe('services of push-exec.lua', () => {
  const services = (output: string): string[] => of('Dovecot services', judged(output));
  const exec = (version: '2.3' | '2.4'): string =>
    HEADER[version] +
    (version === '2.3'
      ? PLUGIN.replace('push.lua', 'push-exec.lua')
      : BLOCK.replace('push.lua', 'push-exec.lua'));
  const service = (name: string, ...lines: string[]): string => `service ${name} {\n${lines.join('\n')}\n}\n`;

  test.each(['2.3', '2.4'])('%s: as the example has it, they are well', (version) => {
    const [each, one] = [/driver = passwd/, /^userdb passwd/m];
    const ofOneUser = captured(`${version}-exec`).replace(each, 'driver = sql').replace(one, 'userdb sql');
    expect(services(ofOneUser)).toEqual(['ok: lmtp and imap can start Node']);
    expect(services(captured(`${version}-exec`))).toEqual([
      expect.stringMatching(
        /^problem: lmtp runs as vmail .* each user .* \(userdb passwd\): no mail is delivered/,
      ),
    ]);
  });

  test('push.lua needs none of it', () => {
    expect(services(captured('2.4-spool'))).toEqual([]);
  });

  test.each([
    [
      "Dovecot's own limit, and root",
      '2.3',
      '',
      [
        'problem: vsz_limit of lmtp is 256M, with which Node cannot start → service/lmtp/vsz_limit = 0',
        'problem: vsz_limit of imap is 256M, with which Node cannot start → service/imap/vsz_limit = 0',
        'problem: lmtp runs as root, as which push-exec.lua runs nothing: no push goes out for new mail → service/lmtp/user = vmail',
      ],
    ],
    [
      '0 in 2.4',
      '2.4',
      service('lmtp', 'user = mail', 'vsz_limit = 0') + service('imap', 'vsz_limit = unlimited'),
      [
        'problem: vsz_limit of lmtp is 0, with which Dovecot 2.4 does not start → service/lmtp/vsz_limit = unlimited',
        "warning: lmtp runs as mail, which may not use anvil's socket: an error in the log at each connection → service/anvil/unix_listener/anvil/user = mail",
      ],
    ],
    [
      'too little for all',
      '2.3',
      `default_vsz_limit = 1 G\n${service('lmtp', 'user = mail')}${service('imap', 'vsz_limit = 3 G')}`,
      ['problem: vsz_limit of lmtp is 1 G, with which Node cannot start → service/lmtp/vsz_limit = 0'],
    ],
    [
      'enough for all, and anvil open to everybody',
      '2.4',
      `default_vsz_limit = unlimited\n${service('lmtp', 'user = mail')}service anvil {\n  unix_listener anvil {\n    mode = 0666\n  }\n}\n`,
      ['ok: lmtp and imap can start Node'],
    ],
  ] as const)('%s', (_, version, more, expected) => {
    expect(services(exec(version) + more)).toEqual(expected);
  });

  // Tried with both: each recipient is answered with 451 then.
  const IN_ORDER = `default_vsz_limit = 3 G
${service('lmtp', 'user = vmail')}service anvil {\n  unix_listener anvil {\n    user = vmail\n  }\n}\nmail_uid = vmail\n`;
  const OF_23 = 'userdb {\n  args = home=/srv/%u\n  driver = static\n}\n';
  const OF_24 = 'userdb static {\n  fields {\n    home = /srv/%{user}\n  }\n}\n';
  const CLOSED =
    'problem: lmtp runs as vmail and finds nobody to deliver to, since the userdb says no uid: no mail is delivered → ';

  test.each([
    ['2.3', OF_23, `${CLOSED}in userdb: args = uid=vmail and what stands there`],
    ['2.4', OF_24, `${CLOSED}in userdb static: fields { uid = vmail }`],
    ['2.3', OF_23.replace('home', 'uid=vmail home'), 'ok: lmtp and imap can start Node'],
    ['2.3', `${OF_23.slice(0, -2)}  default_fields = uid=vmail\n}\n`, 'ok: lmtp and imap can start Node'],
    ['2.4', OF_24.replace('home', 'uid = vmail\n    home'), 'ok: lmtp and imap can start Node'],
    ['2.4', `${OF_24}userdb_fields {\n  uid = vmail\n}\n`, 'ok: lmtp and imap can start Node'],
    [
      '2.4',
      OF_24 + service('auth', 'unix_listener auth-userdb {', 'mode = 0777', '}'),
      'ok: lmtp and imap can start Node',
    ],
    ['2.4', 'userdb sql {\n}\n', 'ok: lmtp and imap can start Node'],
  ] as const)('%s: who is looked up by a user that is not root: %j', (version, userdb, expected) => {
    expect(services(exec(version) + IN_ORDER + userdb)).toEqual([expected]);
  });
});

describe('the OX driver', () => {
  const ox = (output: string, http?: string): string[] =>
    of('OX driver', judged(output, http === undefined ? {} : { http }));
  const old = `${HEADER['2.3']}plugin {\n  push_notification_driver = ox:url=http://[::1]:11619/notify user_from_metadata\n}\n`;

  test('2.4 with dictionary and address is well, and says how users opt in', () => {
    const [told] = ox(captured('2.4-ox'), '[::1]:11619');
    expect(told).toMatch(
      /^ok: tells http:\/\/\[::1\]:11619\/notify of those who opted in, each by: doveadm mailbox metadata set -s -u USER "" \/private\/vendor\/vendor\.dovecot\/http-notify user=USER$/,
    );
  });

  test.each([
    [
      'serve.http is not set',
      captured('2.4-ox'),
      undefined,
      "serve.http is not set → set serve.http: '[::1]:11619'",
    ],
    [
      'another address',
      captured('2.4-ox'),
      '[::1]:8080',
      'warning: tells http://[::1]:11619/notify, and serve.http is [::1]:8080',
    ],
    [
      'no dictionary in 2.4',
      captured('2.4-ox').replace('mail_attribute', 'other'),
      '[::1]:11619',
      'it tells of nobody → mail_attribute/dict/file/path = %{home}/dovecot-attributes',
    ],
    [
      'no dictionary in 2.3',
      old,
      '[::1]:11619',
      'it tells of nobody → mail_attribute_dict = file:%h/dovecot-attributes',
    ],
    [
      '2.3 with one',
      `${old}mail_attribute_dict = file:%h/dovecot-attributes\n`,
      '[::1]:11619',
      'ok: tells http',
    ],
  ])('%s', (_, output, http, expected) => {
    expect(ox(output, http)).toEqual([expect.stringContaining(expected)]);
  });
});

describe('the script and its spool', () => {
  /** 2.4 with that script and that spool, and those user databases. */
  function configured(script: string, spool: string, userdb: string): string {
    const block = `push_notification lua {\n  lua_file = ${script}\n  lua_settings {\n    spool = ${spool}\n  }\n}\n`;
    return HEADER['2.4'] + FOUR + block + userdb;
  }
  const own = String(process.getuid?.() ?? 0);
  const MINE = `userdb static {\n  fields {\n    uid = ${own}\n  }\n}\n`;

  test('a script that is missing has the line that installs it', () => {
    const [told] = of('Dovecot script', judged(configured('/no/such/push.lua', '/x', '')));
    expect(told).toMatch(
      /^problem: there is no \/no\/such\/push\.lua.* → install -o root -g root -m 0644 .+\/examples\/dovecot\/push\.lua \/no\/such\/push\.lua$/,
    );
  });

  test('a script that others than root can change is a problem', () => {
    const script = join(temporaryFolder(), 'any-name.lua');
    writeFileSync(script, '-- xapplepush_spool\n');
    chmodSync(script, 0o666);
    expect(of('Dovecot script', judged(configured(script, '/x', '')))).toEqual([
      `problem: others than root can change ${script}, and LMTP runs parts of it as root → chown root:root ${script} && chmod 0644 ${script}`,
    ]);
  });

  test("somebody else's script is not judged", () => {
    const script = join(temporaryFolder(), 'push.lua');
    writeFileSync(script, '-- another\n');
    const points = judged(configured(script, '/x', ''));
    expect(of('Dovecot', points)).toEqual([expect.stringContaining('tells of no mail')]);
    expect(points).toHaveLength(1);
  });

  const spoolPoint = (userdb: string, spool: string, read = spool): string[] =>
    of('Dovecot spool', judged(configured('/no/such/push.lua', spool, userdb), { spool: read }));

  test('tmp and new are written into as the user of the mail', () => {
    const spool = temporaryFolder();
    const [told] = spoolPoint(MINE, spool);
    expect(told).toContain(`problem: there is no ${spool}/tmp: no push goes out → install -d -m 0700 -o `);
    for (const name of ['tmp', 'new']) mkdirSync(join(spool, name));
    expect(spoolPoint(MINE, spool)).toEqual([expect.stringMatching(/^ok: user .* can write into /)]);
  });

  test('system users cannot write it, unless it is open to everybody', () => {
    const spool = temporaryFolder();
    for (const name of ['tmp', 'new']) mkdirSync(join(spool, name), { mode: 0o700 });
    const userdb = 'mail_uid = 5000\nuserdb passwd {\n}\n';
    expect(spoolPoint(userdb, spool)).toEqual([
      expect.stringMatching(/^problem: each user has mail as themselves \(userdb passwd\).*no push goes out/),
    ]);
    for (const name of ['tmp', 'new']) chmodSync(join(spool, name), 0o733);
    expect(spoolPoint(userdb, spool)).toEqual([expect.stringMatching(/^ok: everybody can write/)]);
  });

  test.each([
    [
      'several databases',
      captured('2.4-userdbs').replace(/^[^]*?(?=userdb static)/, ''),
      'ok: /s, not tried: whose mail it is, doveconf does not tell (several userdbs)',
    ],
    [
      'a database',
      'userdb sql {\n}\n',
      'ok: /s, not tried: whose mail it is, doveconf does not tell (userdb sql)',
    ],
    ['none', '', '(no userdb)'],
    [
      'a user that is not there',
      'mail_uid = no-such-user\nuserdb sql {\n}\n',
      'problem: there is no user no-such-user',
    ],
  ])('whose mail it is: %s', (_, userdb, expected) => {
    expect(spoolPoint(userdb, '/s')[0]).toContain(expected);
  });

  test('another spool than the one that is read', () => {
    expect(spoolPoint(MINE, '/var/spool/other', '/var/spool/xapplepush')).toEqual([
      'problem: push.lua writes into /var/spool/other, and xapplepush reads /var/spool/xapplepush → push_notification/lua/lua_settings/spool = /var/spool/xapplepush; or in the configuration of xapplepush: spool: /var/spool/other',
    ]);
  });
});
