import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { describeWithTools } from '../support/needs.ts';
import { EXAMPLES } from '../support/dovecot-config.ts';
import { temporaryFolder } from '../support/store.ts';

/** Dovecot is built with one of these; 2.4 with the later ones only. */
const INTERPRETERS = ['lua5.1', 'lua5.4'];
const SCRIPTS = ['push.lua', 'push-exec.lua'];

/** Dovecot's side: what the scripts find when they are loaded. */
const DOVECOT = `
  dovecot = { i_warning = function(text) io.stderr:write(text, '\\n') end }
  function user_of(version, name, settings)
    if version == '2.4' then return { username = name } end
    return { username = name, plugin_getenv = function(_, key) return settings[key] end }
  end
  function new(ctx, mailbox) dovecot_lua_notify_event_message_new(ctx, { name = 'MessageNew', mailbox = mailbox }) end
  function clear(ctx, flags)
    dovecot_lua_notify_event_flags_clear(ctx, { name = 'FlagsClear', mailbox = 'INBOX', flags = flags })
  end
`;

interface Finished {
  stdout: string;
  warnings: string;
}

function lua(interpreter: string, script: string, body: string): Finished {
  const program = `${DOVECOT}\ndofile('${join(EXAMPLES, script)}')\n${body}`;
  const { status, stdout, stderr } = spawnSync(interpreter, ['-'], { input: program, cwd: '/', env: {} });
  if (status !== 0) throw new Error(`${interpreter}: ${stderr.toString()}`);
  return { stdout: stdout.toString(), warnings: stderr.toString() };
}

/** The bytes as a Lua string. */
function luaString(bytes: Buffer | string): string {
  return `"${[...Buffer.from(bytes)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;
}

/** Decoders differ in how many U+FFFD they put for one broken sequence. */
function replacedOnce(text: string): string {
  return text.replace(/\ufffd+/g, '\ufffd');
}

describeWithTools({ 'lua5.1': 'lua5.1', 'lua5.4': 'lua5.4' }, 'the scripts for Dovecot', () => {
  let spool: string;
  beforeEach(() => {
    spool = join(temporaryFolder(), 'spool');
    for (const folder of ['tmp', 'new']) mkdirSync(join(spool, folder), { recursive: true });
  });
  const written = (): string[] =>
    readdirSync(join(spool, 'new')).map((name) => readFileSync(join(spool, 'new', name), 'utf8'));

  test('have the same text for what they do alike', () => {
    const [one, other] = SCRIPTS.map(
      (script) => readFileSync(join(EXAMPLES, script), 'utf8').split(/^-- ==.*==$/m)[1],
    );
    expect(one?.length).toBeGreaterThan(3000);
    expect(other).toBe(one);
  });

  test.each(INTERPRETERS)(
    'in %s say which delivery is its user’s own, and nothing of who else sent one',
    (interpreter) => {
      const from = (address: string): string => `dovecot_lua_notify_event_message_new(ctx,
      { name = 'MessageNew', mailbox = 'INBOX', from_address = ${address} })`;
      const body = `script_init({ spool = '${spool}' })
      local ctx = dovecot_lua_notify_begin_txn(user_of('2.4', 'alice@example.org'))
      ${["'bob@example.net'", 'nil', '{}', "'Alice@Example.ORG'"].map(from).join('\n')}
      dovecot_lua_notify_end_txn(ctx, true)`;
      expect(lua(interpreter, 'push.lua', body).warnings).toBe('');
      const delivery = { name: 'MessageNew', mailbox: 'INBOX' };
      const events = [delivery, { ...delivery, own: true }];
      expect(written()).toEqual([`${JSON.stringify({ dovecot: 1, user: 'alice@example.org', events })}\n`]);
    },
  );

  test.each(SCRIPTS)('%s defines no other function of Dovecot’s than it needs', (script) => {
    const names = `for name in pairs(_G) do if name:find('^dovecot_lua') or name:find('^script') then print(name) end end`;
    const events = [
      'flags_clear',
      'flags_set',
      'message_append',
      'message_expunge',
      'message_new',
      'message_read',
      'message_trash',
    ];
    expect(lua('lua5.4', script, names).stdout.trim().split('\n').sort()).toEqual([
      'dovecot_lua_notify_begin_txn',
      'dovecot_lua_notify_end_txn',
      ...events.map((name) => `dovecot_lua_notify_event_${name}`),
      'script_init',
    ]);
  });

  test.each(SCRIPTS)('%s starts with the 0 that Dovecot expects', (script) => {
    expect(lua('lua5.4', script, 'print(script_init(), script_init({}))').stdout).toBe('0\t0\n');
  });

  describe.each(INTERPRETERS)('under %s', (interpreter) => {
    /** Runs push.lua as Dovecot 2.4 does; `body` has the transaction in ctx. */
    const transaction = (body: string, user = '"alice"', success = true): Finished =>
      lua(
        interpreter,
        'push.lua',
        `script_init({ spool = ${luaString(spool)} })
        local ctx = dovecot_lua_notify_begin_txn(user_of('2.4', ${user}))
        ${body}
        dovecot_lua_notify_end_txn(ctx, ${String(success)})`,
      );

    test('the spool is that of the settings of 2.4', () => {
      expect(transaction("new(ctx, 'INBOX')").warnings).toBe('');
      expect(written()).toEqual([
        '{"dovecot":1,"user":"alice","events":[{"name":"MessageNew","mailbox":"INBOX"}]}\n',
      ]);
    });

    test('the spool is that of the plugin settings of 2.3', () => {
      const { warnings } = lua(
        interpreter,
        'push.lua',
        `script_init()
        local ctx = dovecot_lua_notify_begin_txn(user_of('2.3', 'alice', { xapplepush_spool = ${luaString(spool)} }))
        new(ctx, 'INBOX')
        dovecot_lua_notify_end_txn(ctx, true)`,
      );
      expect(warnings).toBe('');
      expect(written()).toHaveLength(1);
    });

    test('what happens several times in a mailbox is written once', () => {
      transaction(`
        for _ = 1, 3 do new(ctx, 'INBOX') new(ctx, 'Lists') clear(ctx, { '\\\\Flagged', '\\\\Seen' }) end`);
      expect(written()).toHaveLength(1);
      expect(JSON.parse(written()[0] ?? '')).toEqual({
        dovecot: 1,
        user: 'alice',
        events: [
          { name: 'MessageNew', mailbox: 'INBOX' },
          { name: 'MessageNew', mailbox: 'Lists' },
          { name: 'FlagsClear', mailbox: 'INBOX', flags: ['\\Seen'] },
        ],
      });
    });

    test.each([
      ['without events', '', true],
      ['with flags that do not matter', "clear(ctx, {}) clear(ctx, { '\\\\Flagged' }) clear(ctx, nil)", true],
      ['that is rolled back', "new(ctx, 'INBOX')", false],
    ])('a transaction %s leaves no file', (_what, body, success) => {
      expect(transaction(body, '"alice"', success).warnings).toBe('');
      expect(written()).toEqual([]);
    });

    test('two transactions at a time do not mix', () => {
      lua(
        interpreter,
        'push.lua',
        `script_init({ spool = ${luaString(spool)} })
        local a = dovecot_lua_notify_begin_txn(user_of('2.4', 'alice'))
        local b = dovecot_lua_notify_begin_txn(user_of('2.4', 'bob'))
        new(a, 'A') new(b, 'B') dovecot_lua_notify_end_txn(a, true)
        new(b, 'C') dovecot_lua_notify_end_txn(b, true)`,
      );
      const seen = written().map(
        (text) => JSON.parse(text) as { user: string; events: { mailbox: string }[] },
      );
      const mailboxes = seen.map(({ user, events }) => [user, ...events.map(({ mailbox }) => mailbox)]);
      expect(mailboxes.sort()).toEqual([
        ['alice', 'A'],
        ['bob', 'B', 'C'],
      ]);
    });

    test('the beginning of a transaction never raises', () => {
      const broken = ['nil', '{}', '42', "setmetatable({}, { __index = function() error('no') end })"];
      for (const user of broken) {
        const { stdout } = lua(
          interpreter,
          'push.lua',
          `local ctx = dovecot_lua_notify_begin_txn(${user})
          new(ctx, 'INBOX')
          dovecot_lua_notify_end_txn(ctx, true)
          print('went on')`,
        );
        expect(stdout).toBe('went on\n');
      }
    });

    test('without dovecot.i_warning a failure is silent, and no error', () => {
      const { stdout } = transaction(
        `dovecot = nil; new(ctx, 'INBOX'); print(os.remove(${luaString(join(spool, 'new'))}))`,
      );
      expect(stdout).toBe('true\n');
      expect(readdirSync(join(spool, 'tmp'))).toEqual([]);
    });

    test('any name becomes JSON, and bytes that are no UTF-8 become U+FFFD', () => {
      const name = fc.oneof(
        fc.string({ unit: 'binary', minLength: 1 }).map((text) => Buffer.from(text.replaceAll('\0', ' '))),
        fc.uint8Array({ min: 1, minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
      );
      fc.assert(
        fc.property(fc.array(name, { minLength: 1, maxLength: 40 }), name, (mailboxes, user) => {
          const calls = mailboxes.map((mailbox) => `new(ctx, ${luaString(mailbox)})`).join('\n');
          const { stdout } = transaction(
            `${calls}
            local open = io.open
            io.open = function(path, mode)
              if path == '/dev/urandom' then return open(path, mode) end
              return { write = function(_, text) io.write(text) return true end, close = function() return true end }
            end`,
            luaString(user),
          );
          const { user: gotUser, events } = JSON.parse(stdout) as {
            user: string;
            events: { mailbox: string }[];
          };
          expect(replacedOnce(gotUser)).toBe(replacedOnce(user.toString()));
          const want = mailboxes.map((mailbox) => replacedOnce(mailbox.toString()));
          expect(new Set(events.map(({ mailbox }) => replacedOnce(mailbox)))).toEqual(new Set(want));
        }),
        { numRuns: 30 },
      );
    });
  });
});
