import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Settings } from '../../src/config/config.ts';
import { readConfig } from '../../src/config/read.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { CHANGE_NAMES } from '../../src/events/mail-event.ts';

const FILE = '/etc/xapplepush/config.yaml';

function configOf(text: string): Settings {
  const reading = readConfig(parseYaml(text).root, FILE);
  if ('problems' in reading) throw new Error(JSON.stringify(reading.problems));
  return reading.config;
}

/** The problems of a text as `line:column: key: message`. */
function problemsOf(text: string): string[] {
  const reading = readConfig(parseYaml(text).root, FILE);
  const problems = 'problems' in reading ? reading.problems : [];
  return problems.map(({ line, column, key, message }) => `${line}:${column}: ${key}: ${message}`);
}

const DEFAULTS: Settings = {
  file: FILE,
  apns: { server: new URL('https://api.push.apple.com:443') },
  store: '/var/lib/xapplepush/xapplepush.db',
  spool: '/var/spool/xapplepush',
  imapdConf: '/etc/imapd.conf',
  users: { lowercase: true, domain: 'keep' },
  events: {
    MessageNew: 'subscribed',
    MessageRead: 'inbox',
    MessageTrash: 'inbox',
    MessageMove: 'inbox',
    MessageExpunge: 'inbox',
    FlagsClear: 'inbox',
    MessageAppend: 'inbox',
    MessageCopy: 'inbox',
    FlagsSet: 'off',
  },
  delivery: {
    mode: 'background',
    lingerMs: 10_000,
    deadlineMs: 10_000,
    expiryMs: 86_400_000,
    throttleMs: 5_000,
    housekeepingDelayMs: 30_000,
    giveUpMs: 86_400_000,
  },
  targets: { maxPerUser: 20, sharedMailboxes: false, disableAfterMs: 259_200_000 },
  prune: { olderThanMs: 864_000_000, badFilesMs: 2_592_000_000 },
  history: { maxAgeMs: 604_800_000, maxEntries: 100_000 },
  log: { level: 'info', destination: 'stderr' },
  control: '/var/lib/xapplepush/xapplepush.sock',
  dovecot: { namespaces: [] },
  serve: { metrics: true, status: false, pluginPadding: true, pluginNamesMailboxes: false },
  deltachat: {
    enabled: false,
    notify: 'https://notifications.delta.chat/notify',
    keepMs: 7_776_000_000,
    giveUpMs: 18_000_000,
  },
  webpush: { enabled: false, allowPrivateAddresses: false, giveUpMs: 86_400_000 },
  webhook: { urls: [], giveUpMs: 86_400_000 },
};

describe('defaults', () => {
  it.each(['', '# nothing\n', '{}', 'apns:\ndelivery:\nserve:\n', 'apns:\n  token:\n'])(
    'hold for %j',
    (text) => {
      expect(configOf(text)).toStrictEqual(DEFAULTS);
    },
  );

  it('hold without a tree and without a file', () => {
    expect(readConfig(undefined, undefined)).toStrictEqual({ config: { ...DEFAULTS, file: undefined } });
  });
});

describe('every key', () => {
  it('is read', () => {
    const text = `
apns:
  server: sandbox
  certificate: /a/mail.p12
  key: /a/mail.key
  passphrase_file: /a/passphrase
  topic: com.apple.mail.XServer.1
  ca: /a/ca.pem
  proxy: http://proxy.example.org:3128
  proxy_password_file: /a/proxy-password
store: /b/x.sqlite
spool: /b/spool
imapd_conf: /b/imapd.conf
users: { lowercase: false, domain: strip }
events: { ${CHANGE_NAMES.map((name) => `${name}: off`).join(', ')} }
delivery: { mode: foreground, linger: 0s, deadline: 1m, expiry: 2h, throttle: 3s, housekeeping_delay: 4s, give_up: 5d }
targets: { max_per_user: 3, shared_mailboxes: true, disable_after: 10d }
prune: { older_than: 30d, bad_files: 7d }
history: { max_age: 1d, max_entries: 0 }
log: { level: debug, destination: /b/x.log }
control: /b/control.sock
dovecot: { namespaces: [{ prefix: shared/%u/, owner: '%u', own_prefix: INBOX. }, { prefix: Public/, public: true }] }
serve: { cyrus_socket: /b/cyrus.sock, http: '[::1]:11619', dict: /b/dict.sock, metrics: false, status: true, plugin_padding: false, plugin_names_mailboxes: true }
deltachat: { enabled: true, notify: http://127.0.0.1:8080/notify, keep: 30d, give_up: 1h }
webpush: { enabled: true, subject: mailto:postmaster@example.org, key_file: /b/vapid.pem, allow_private_addresses: true, give_up: 2h }
webhook: { urls: [https://a.example.org/x?y=z, http://localhost:80], secret_file: /b/secret, give_up: 3h }
`;
    expect(configOf(text)).toStrictEqual({
      file: FILE,
      apns: {
        server: new URL('https://api.sandbox.push.apple.com:443'),
        certificate: '/a/mail.p12',
        key: '/a/mail.key',
        passphraseFile: '/a/passphrase',
        topic: 'com.apple.mail.XServer.1',
        ca: '/a/ca.pem',
        proxy: { address: 'http://proxy.example.org:3128', passwordFile: '/a/proxy-password' },
      },
      store: '/b/x.sqlite',
      spool: '/b/spool',
      imapdConf: '/b/imapd.conf',
      users: { lowercase: false, domain: 'strip' },
      events: Object.fromEntries(CHANGE_NAMES.map((name) => [name, 'off'])),
      delivery: {
        mode: 'foreground',
        lingerMs: 0,
        deadlineMs: 60_000,
        expiryMs: 7_200_000,
        throttleMs: 3_000,
        housekeepingDelayMs: 4_000,
        giveUpMs: 432_000_000,
      },
      targets: { maxPerUser: 3, sharedMailboxes: true, disableAfterMs: 864_000_000 },
      prune: { olderThanMs: 2_592_000_000, badFilesMs: 604_800_000 },
      history: { maxAgeMs: 86_400_000, maxEntries: 0 },
      log: { level: 'debug', destination: '/b/x.log' },
      control: '/b/control.sock',
      dovecot: {
        namespaces: [
          { prefix: 'shared/%u/', owner: '%u', ownPrefix: 'INBOX.' },
          { prefix: 'Public/', owner: undefined, ownPrefix: '' },
        ],
      },
      serve: {
        cyrusSocket: '/b/cyrus.sock',
        dict: '/b/dict.sock',
        http: '[::1]:11619',
        metrics: false,
        status: true,
        pluginPadding: false,
        pluginNamesMailboxes: true,
      },
      deltachat: {
        enabled: true,
        notify: 'http://127.0.0.1:8080/notify',
        keepMs: 2_592_000_000,
        giveUpMs: 3_600_000,
      },
      webpush: {
        enabled: true,
        subject: 'mailto:postmaster@example.org',
        keyFile: '/b/vapid.pem',
        allowPrivateAddresses: true,
        giveUpMs: 7_200_000,
      },
      webhook: {
        urls: ['https://a.example.org/x?y=z', 'http://localhost/'],
        secretFile: '/b/secret',
        giveUpMs: 10_800_000,
      },
    });
  });

  it('of a provider token is read', () => {
    const { apns } = configOf('apns: { token: { key: /a/k.p8, key_id: ABC123DEFG, team_id: DEF123GHIJ } }');
    expect(apns.token).toEqual({ key: '/a/k.p8', keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ' });
  });

  it('of further credentials is read', () => {
    const text = `
apns:
  certificate: /a/new.pem
  also:
    - certificate: /a/old.p12
      key: /a/old.key
      passphrase_file: /a/passphrase
      topic: com.apple.mail.XServer.1
    - token: { key: /a/k.p8, key_id: ABC123DEFG, team_id: DEF123GHIJ }
      topic: com.apple.mail.XServer.2
`;
    expect(configOf(text).apns).toStrictEqual({
      server: new URL('https://api.push.apple.com:443'),
      certificate: '/a/new.pem',
      also: [
        {
          certificate: '/a/old.p12',
          key: '/a/old.key',
          passphraseFile: '/a/passphrase',
          topic: 'com.apple.mail.XServer.1',
        },
        {
          token: { key: '/a/k.p8', keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ' },
          topic: 'com.apple.mail.XServer.2',
        },
      ],
    });
  });

  it.each(['apns: { also: }', 'apns: { also: [] }'])('further credentials: %s has none', (text) => {
    expect(configOf(text).apns).toStrictEqual(DEFAULTS.apns);
  });
});

describe('the control socket', () => {
  it.each([
    ['/srv/mail/push.db', '/srv/mail/push.sock'],
    ['/srv/mail/push', '/srv/mail/push.sock'],
    ['/srv/mail/push.v2.db', '/srv/mail/push.v2.sock'],
    ['/push.db', '/push.sock'],
  ])('is beside the store %s', (store, want) => {
    expect(configOf(`store: ${store}`).control).toBe(want);
  });
});

describe('problems', () => {
  const bad = (text: string, ...want: string[]): void => {
    it(want[0] ?? text, () => {
      expect(problemsOf(text)).toEqual(want);
    });
  };
  const durationWanted = 'expected a whole number with its unit s, m, h or d, such as 10s';
  bad('delivery:\n  lingr: 10s', '2:3: delivery.lingr: unknown key; did you mean linger?');
  bad('delivery: { giveUp: 1d }', '1:13: delivery.giveUp: unknown key; did you mean give_up?');
  bad('users:\n  colour: 1', '2:3: users.colour: unknown key; known here: lowercase, domain');
  bad(
    'events: { constructor: off }',
    `1:11: events.constructor: unknown key; known here: ${[
      'MessageNew, MessageRead, MessageTrash, MessageMove, MessageExpunge, FlagsClear, MessageAppend, MessageCopy, FlagsSet',
    ].join('')}`,
  );
  bad('delivery:\n  linger: 10', `2:11: delivery.linger: ${durationWanted}, got 10`);
  bad('delivery:\n  linger:', `2:10: delivery.linger: ${durationWanted}, got no value`);
  bad(
    'store: [/a]',
    '1:8: store: expected an absolute path, starting with /, or postgresql://user@host:port/database, got a list',
  );
  bad('log: info', '1:6: log: expected keys with values, got the value "info"');
  bad('serve: []', '1:8: serve: expected keys with values, got a list');
  bad('users: { domain: { keep: 1 } }', '1:18: users.domain: expected keep or strip, got keys with values');
  bad('- a', '1:1: : expected keys with values, got a list');
  bad('prune: { older_than: 1h }', '1:22: prune.older_than: "1h" is out of range: expected from 1d to 3650d');
  bad(
    'targets: { max_per_user: 0 }',
    '1:26: targets.max_per_user: expected a whole number from 1 to 1000, got 0',
  );
  bad('events: { MessageNew: all }', '1:23: events.MessageNew: expected subscribed, inbox or off, got "all"');
  bad(
    'apns:\n  certificate: /c\n  token: { key: /k, key_id: a, team_id: b }',
    '3:3: apns.token: conflicts with apns.certificate in line 2: give one of them',
  );
  bad(
    'serve:\n  http: unix:/run/x.sock\n  tls: { certificate: /c, key: /k }',
    '3:3: serve.tls: is for a port, and serve.http is a Unix socket, which needs none',
  );
  bad(
    'apns:\n  key: /k',
    '2:3: apns.key: belongs to apns.certificate, which is not given (the key of a token is apns.token.key)',
  );
  bad(
    'apns:\n  token: { key: /k }',
    '2:3: apns.token.key_id: is missing: a token needs key, key_id and team_id',
    '2:3: apns.token.team_id: is missing: a token needs key, key_id and team_id',
  );
  bad(
    'apns:\n  proxy_password_file: /p',
    '2:3: apns.proxy_password_file: belongs to apns.proxy, which is not given',
  );
  const one = (entry: string): string => `dovecot: { namespaces: [${entry}] }`;
  bad(one('{ prefix: a/, public: false }'), '1:47: dovecot.namespaces[1].public: expected true, got false');
  const PREFIX =
    'expected a prefix that ends in its separator, with %u, %n and %d once at most, such as shared/%u/';
  for (const prefix of ['shared/%u', 'shared/%x/', '%u/%u/', '%/', '/'])
    bad(
      one(`{ prefix: '${prefix}', owner: a }`),
      `1:35: dovecot.namespaces[1].prefix: ${PREFIX}, got "${prefix}"`,
    );
  bad(one('{ owner: a }'), '1:25: dovecot.namespaces[1].prefix: is missing: such as shared/%u/');
  bad(
    one('{ prefix: a/ }'),
    "1:25: dovecot.namespaces[1]: does not say whose mailboxes they are: give owner, such as '%u', or public: true",
  );
  bad(
    one('{ prefix: a/, owner: b, public: true }'),
    '1:49: dovecot.namespaces[1].public: conflicts with dovecot.namespaces[1].owner in line 1: give one of them',
  );
  bad(
    one("{ prefix: a/, owner: '%u' }"),
    '1:39: dovecot.namespaces[1].owner: expected a name, or %u, %n or %d of the prefix, which has none',
  );
  bad('apns: { also: { certificate: /c } }', '1:15: apns.also: expected a list, got keys with values');
  bad(
    'apns:\n  also: [a]',
    '2:10: apns.also[1]: expected keys with values, got the value "a"',
    '2:10: apns.also[1]: is no credential: it has neither certificate nor token',
  );
  bad(
    'apns:\n  also:\n    - topic: a\n    -\n    - certificate: /c\n      server: sandbox',
    '6:7: apns.also[3].server: unknown key; known here: certificate, key, passphrase_file, token, topic',
    '3:7: apns.also[1]: is no credential: it has neither certificate nor token',
    '4:6: apns.also[2]: is no credential: it has neither certificate nor token',
  );
  bad(
    'apns:\n  certificate: /c\n  also:\n    - certificate: /c\n      token: { key: /k, key_id: a }\n    - key: /k',
    '5:7: apns.also[1].token: conflicts with apns.also[1].certificate in line 4: give one of them',
    '5:7: apns.also[1].token.team_id: is missing: a token needs key, key_id and team_id',
    '6:7: apns.also[2].key: belongs to apns.also[2].certificate, which is not given (the key of a token is apns.also[2].token.key)',
  );
  bad('store: /x\ncontrol: /x', '2:1: control: is the same file as store');
  bad('store: /x.sock', '1:1: control: is the same file as store');
  bad('control: /x\nserve: { cyrus_socket: /x }', '2:10: serve.cyrus_socket: is the same file as control');
  bad('control: /x\nserve: { dict: /x }', '2:10: serve.dict: is the same file as control');
  bad('serve: { cyrus_socket: /x, dict: /x }', '1:28: serve.dict: is the same file as serve.cyrus_socket');
  const long = `/${'x'.repeat(107)}`;
  const shown = `"${long.slice(0, 59)}…`;
  bad(`control: ${long}`, `1:10: control: ${shown} has 108 bytes, and a socket's path 107 at most`);
  bad(
    `store: ${long.slice(0, 103)}.db`,
    `1:1: control: ${shown} has 108 bytes, and a socket's path 107 at most; set a shorter one`,
  );
  bad(
    'webpush:\n  enabled: true',
    '2:3: webpush.subject: is missing: push services want to know whom to ask, such as mailto:postmaster@example.org',
  );
  bad(
    'webhook:\n  urls: [https://a.example.org/x]',
    '2:3: webhook.secret_file: is missing: what is posted to webhook.urls is signed with it',
  );
  bad(
    'webhook:\n  secret_file: /s\n  urls:\n    - http://a.example.org/x',
    '4:7: webhook.urls[1]: expected https://host/path, or http:// to an address of the loopback, without name and password',
  );
  bad('deltachat: { keep: 1h }', '1:20: deltachat.keep: "1h" is out of range: expected from 1d to 3650d');

  it('never show what may be a secret', () => {
    const text =
      'webhook: { urls: [http://a/hunter2, http://b/hunter2], secret_file: hunter2 }\napns: { certificate: hunter2, key: hunter2, passphrase_file: hunter2, token: { key: hunter2 }, also: [{ key: hunter2 }], proxy: hunter2, proxy_password_file: hunter2 }';
    expect(problemsOf(text)).toHaveLength(14);
    expect(problemsOf(text).join('\n')).not.toContain('hunter2');
  });

  it('are told all at once', () => {
    const text =
      'store: x\nspol: /x\napns:\n  key: /k\n  server: http://x\ndelivery:\n  linger: 10\n  mode: fast\n';
    expect(
      problemsOf(text)
        .map((problem) => problem.split(': ').slice(0, 2).join(' '))
        .sort(),
    ).toEqual([
      '1:8 store',
      '2:1 spol',
      '4:3 apns.key',
      '5:11 apns.server',
      '7:11 delivery.linger',
      '8:9 delivery.mode',
    ]);
  });

  it('or a configuration come of any tree', () => {
    const word = fc.constantFrom(
      'apns',
      'server',
      'token',
      'also',
      'key',
      'delivery',
      'linger',
      'store',
      '__proto__',
      'x',
    );
    const leaf = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.constant('/x'));
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, leaf, fc.dictionary(word, tie('tree')), fc.array(tie('tree'))),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const reading = readConfig(parseYaml(JSON.stringify(value)).root, FILE);
        if ('config' in reading) expect(reading.config.control).toMatch(/^\//);
        else expect(reading.problems.length).toBeGreaterThan(0);
      }),
    );
  });
});
