import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, test } from 'vitest';
import { mailboxHash } from '../src/mailboxes/mailbox-hash.ts';
import { configure, type Sandbox } from './support/command.ts';
import { tokenNumber } from './support/events.ts';
import { sandboxHere } from './support/here.ts';
import { enqueued, openTestStore, registered } from './support/store.ts';

/** Controls, C1 and those that turn the direction, format or separate lines; each of them in every name. */
const CHARACTERS = [
  ...['\u0001', '\u0007', '\b', '\t', '\n', '\r', '\u001b', '\u007f', '\u0080', '\u0085', '\u009b', '\u009f'],
  ...['\u00ad', '\u061c', '\u200b', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202e', '\u2066'],
  ...['\u2069', '\ufeff', '\u{e0001}'],
];
const HOSTILE = CHARACTERS.join('x');

/** What must not be raw in any output; a line feed ends the lines of our own. */
const RAW = /[\0-\x09\x0b-\x1f\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/u;

const USER = `mallory${HOSTILE}`;
const PATH = `Box${HOSTILE}`;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = sandboxHere('');
  configure(sandbox, 'users: { lowercase: false }\n');
  const store = openTestStore(sandbox.store);
  const nowMs = Date.now();
  const mailbox = { owner: USER, path: PATH };
  const subscriptions = [{ ...mailbox, name: PATH, hash: mailboxHash(PATH) }];
  await registered(
    store,
    { user: USER, deviceToken: tokenNumber(1), topic: `t${HOSTILE}`, subscriptions },
    { nowMs },
  );
  await store.write((sql) =>
    sql(`UPDATE targets SET failures = 1, last_error = ?, last_error_ms = ?`).run(`no${HOSTILE}`, nowMs),
  );
  await enqueued(store, { mailboxes: [mailbox], event: 'MessageNew', nowMs });
  store.close();
  const event = { event: 'MessageNew', user: `nobody${HOSTILE}`, mailbox: PATH };
  await sandbox.run(['handle'], { input: `${JSON.stringify(event)}\n` });
}, 60_000);
afterAll(() => sandbox.remove());

describe('no control, direction or line-separating character is raw in', () => {
  test.each([
    ['targets', 'list'],
    ['targets', 'list', '--json'],
    ['targets', 'list', '--failing'],
    ['targets', 'show', USER],
    ['targets', 'show', USER, '--json'],
    ['targets', 'remove', USER, '--dry-run'],
    ['targets', 'remove', USER, '--dry-run', '--json'],
    ['targets', 'export'],
    ['outbox', 'list'],
    ['outbox', 'list', '--json'],
    ['log'],
    ['log', '--json'],
    ['prune', '--dry-run', '--unused-topics', '--json'],
    ['status'],
    ['status', '--json'],
  ])('%s %s', { timeout: 60_000 }, async (...words) => {
    const { stdout, stderr } = await sandbox.run(words);
    const text = stdout + stderr;
    expect(text).not.toBe('');
    expect(text).not.toMatch(RAW);
    if (words[0] === 'targets' || words[0] === 'outbox') expect(stdout).toContain('mallory\\u0001');
  });

  test('the log file', () => {
    expect(readFileSync(join(sandbox.dir, 'log'), { encoding: 'utf8', flag: 'a+' })).not.toMatch(RAW);
  });
});

test('an export that is imported gives the same values', { timeout: 60_000 }, async () => {
  const { stdout: exported } = await sandbox.run(['targets', 'export']);
  const other = sandboxHere('users: { lowercase: false }\n');
  try {
    const file = join(other.dir, 'export');
    writeFileSync(file, exported);
    expect(await other.run(['targets', 'import', file])).toMatchObject({ exitCode: 0, stderr: '' });
    const again = (await other.run(['targets', 'export'])).stdout;
    expect(again).toBe(exported);
    const [, line = ''] = again.split('\n');
    const value = JSON.parse(line) as {
      user: string;
      topic: string;
      subscriptions: { path: string; owner: string }[];
    };
    expect(value).toMatchObject({ user: USER, topic: `t${HOSTILE}`, lastError: `no${HOSTILE}` });
    expect(value.subscriptions).toMatchObject([{ owner: USER, path: PATH, name: PATH }]);
  } finally {
    other.remove();
  }
});
