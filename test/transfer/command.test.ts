import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import type { WholeTarget } from '../../src/targets/record.ts';
import { HEADER_LINE, targetLine } from '../../src/transfer/target-line.ts';
import { environmentOf, type Finished, type Sandbox, SHELL_COMMAND } from '../support/command.ts';
import { ACCOUNT_ID, DEVICE_TOKEN, tokenNumber } from '../support/events.ts';
import { sandboxHere } from '../support/here.ts';
import { NOW_MS, rowsOf } from '../support/store.ts';
import { anyTarget, exportedTarget, filled } from './targets.ts';

const YAML =
  'users: { lowercase: false }\ntargets: { max_per_user: 3 }\napns: { topic: com.apple.mail.XServer.test }\n';

let [here, there]: Sandbox[] = [];
beforeEach(() => {
  [here, there] = [sandboxHere(YAML), sandboxHere(YAML)];
});
afterEach(() => {
  here!.remove();
  there!.remove();
});

function run(...args: string[]): Promise<Finished> {
  return here!.run(['targets', ...args]);
}

/** Imports that text from a file. */
function imported(text: string | Buffer, ...options: string[]): Promise<Finished> {
  const file = join(here!.dir, 'input');
  writeFileSync(file, text);
  return run('import', file, ...options);
}

async function fill(sandbox: Sandbox, targets: readonly WholeTarget[]): Promise<void> {
  const store = openStore(sandbox.store, { create: true });
  await filled(store, targets).finally(() => store.close());
}

async function rows(query: string): Promise<Record<string, unknown>[]> {
  const store = openStore(here!.store, { create: false });
  return rowsOf(store, query).finally(() => store.close());
}

const taken = (count: number): string => `taken ${count}, renewed 0, unchanged 0, skipped 0\n`;
const unchanged = (count: number): string => `taken 0, renewed 0, unchanged ${count}, skipped 0\n`;

describe('export', () => {
  test('into a file: mode 0600, whole, over another one only with --force', async () => {
    await fill(here!, [exportedTarget()]);
    const file = join(here!.dir, 'out.jsonl');
    expect(await run('export', file)).toEqual({
      exitCode: 0,
      stdout: `exported 1 device to ${file}\n`,
      stderr: '',
    });
    expect(readFileSync(file, 'utf8')).toBe(HEADER_LINE + targetLine(exportedTarget()));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, 'another');
    chmodSync(file, 0o644);
    expect(await run('export', file)).toMatchObject({
      exitCode: 65,
      stderr: expect.stringContaining('--force') as string,
    });
    expect(readFileSync(file, 'utf8')).toBe('another');
    expect(await run('export', file, '--force')).toMatchObject({ exitCode: 0 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(here!.dir).filter((name) => name.startsWith('out'))).toEqual(['out.jsonl']);
  });

  test('of one user, by the rules for users; to standard output', async () => {
    await fill(here!, [exportedTarget(), exportedTarget({ user: 'bob' })]);
    const wanted = HEADER_LINE + targetLine(exportedTarget({ user: 'bob' }));
    expect(await run('export', '--user', 'bob')).toEqual({ exitCode: 0, stdout: wanted, stderr: '' });
    expect(await run('export', '-', '--user', 'nobody')).toEqual({
      exitCode: 0,
      stdout: HEADER_LINE,
      stderr: '',
    });
  });

  test('where it cannot be', async () => {
    expect(await run('export')).toMatchObject({ exitCode: 75, stdout: '' });
    await fill(here!, []);
    const file = join(here!.dir, 'missing', 'out.jsonl');
    expect(await run('export', file)).toMatchObject({
      exitCode: 65,
      stderr: expect.stringContaining(`cannot write ${file}`) as string,
    });
    mkdirSync(join(here!.dir, 'folder'));
    expect(await run('export', join(here!.dir, 'folder'), '--force')).toMatchObject({ exitCode: 65 });
    expect(readdirSync(here!.dir).filter((name) => name.includes('.new-'))).toEqual([]);
  });

  test('to somebody who has read enough', async () => {
    await fill(
      here!,
      Array.from({ length: 2000 }, (_, index) => exportedTarget({ user: `user${index}` })),
    );
    const child = spawn('/bin/sh', ['-c', `{ ${SHELL_COMMAND} targets export; echo $? >&2; } | head -1`], {
      env: { PATH: '/usr/bin:/bin', ...environmentOf(here!.configFile) },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await once(child, 'close');
    expect([stdout, stderr]).toEqual([HEADER_LINE, '0\n']);
  });
});

describe('from here to there', () => {
  test('an export of an import is the export, whatever the users call themselves', async () => {
    const targets = fc.sample(anyTarget, { numRuns: 200, seed: 6 });
    const mailboxes = Array.from({ length: 1000 }, (_, index) => ({
      owner: 'alice',
      path: `${1000 + index}\n"`,
      name: 'x',
      hash: undefined,
    }));
    await fill(here!, [...targets, exportedTarget({ subscriptions: mailboxes })]);
    const file = join(here!.dir, 'out.jsonl');
    expect(await run('export', file)).toMatchObject({ exitCode: 0 });
    const first = readFileSync(file);
    expect(await there!.run(['targets', 'import', file])).toEqual({
      exitCode: 0,
      stdout: taken(201),
      stderr: '',
    });
    const second = await there!.run(['targets', 'export']);
    expect(Buffer.from(second.stdout).equals(first)).toBe(true);
    expect(await there!.run(['targets', 'import', '-'], { input: first })).toEqual({
      exitCode: 0,
      stdout: unchanged(201),
      stderr: '',
    });
    expect((await there!.run(['targets', 'export'])).stdout).toBe(second.stdout);
    expect(statSync(there!.store).mode & 0o777).toBe(0o600);
  });

  test('what is newer here stays, what is newer there comes', async () => {
    await fill(here!, [
      exportedTarget({ user: 'new here', topic: 'a', renewedMs: NOW_MS + 1 }),
      exportedTarget({ user: 'old here', topic: 'a' }),
    ]);
    const line = (user: string, renewedMs: number): string =>
      targetLine(exportedTarget({ user, renewedMs, topic: 'b' }));
    const text = `${HEADER_LINE}${line('new here', NOW_MS)}\r\n\n${HEADER_LINE}${line('old here', NOW_MS + 1)}${line('other', 5)}`;
    expect(await imported(text)).toMatchObject({
      exitCode: 0,
      stdout: 'taken 1, renewed 1, unchanged 1, skipped 0\n',
    });
    expect(await rows('SELECT user, topic FROM targets ORDER BY user')).toEqual([
      { user: 'new here', topic: 'a' },
      { user: 'old here', topic: 'b' },
      { user: 'other', topic: 'b' },
    ]);
  });
});

describe('from dovecot-xaps-daemon', () => {
  const account = (number: number): string => `${ACCOUNT_ID.slice(0, -1)}${number}`;
  const database = {
    Users: {
      alice: {
        Accounts: {
          [ACCOUNT_ID]: {
            DeviceToken: DEVICE_TOKEN,
            Mailboxes: ['Inbox', 'Entw&APw-rfe'],
            RegistrationTime: '2023-01-02T03:04:05.678901234+01:00',
          },
        },
      },
      'bob\u001b[31m': { Accounts: { short: { DeviceToken: DEVICE_TOKEN, Mailboxes: ['INBOX'] } } },
      __proto__: undefined,
      carol: {
        Accounts: {
          [account(1)]: { DeviceToken: tokenNumber(1), Mailboxes: ['INBOX'] },
          [account(2)]: { DeviceToken: tokenNumber(2), Mailboxes: null },
        },
      },
    },
  };

  test('its database, with times and without', async () => {
    const report = await imported(JSON.stringify(database, null, 2));
    expect(report.exitCode).toBe(65);
    expect(report.stdout).toBe(
      'taken 2, renewed 0, unchanged 0, skipped 2\n' +
        'topic where none is named: com.apple.mail.XServer.test, from apns.topic\n' +
        'skipped:\n' +
        '  account 2 (bob\\u001b[31m): account id: expected 16 to 128 letters, digits, dots, dashes or underscores, such as a UUID\n' +
        '  account 4 (carol): no mailbox of its own that exists\n',
    );
    expect(
      await rows(
        'SELECT user, source, topic, renewed_ms AS ms, path, name, hash FROM targets JOIN subscriptions ON target_id = id ORDER BY user, path',
      ),
    ).toEqual([
      {
        user: 'alice',
        source: 'xaps',
        topic: 'com.apple.mail.XServer.test',
        ms: Date.parse('2023-01-02T02:04:05.678Z'),
        path: 'Entwürfe',
        name: 'Entw&APw-rfe',
        hash: null,
      },
      expect.objectContaining({ user: 'alice', path: 'INBOX', name: 'Inbox' }),
      expect.objectContaining({
        user: 'carol',
        path: 'INBOX',
        ms: Math.floor(statSync(join(here!.dir, 'input')).mtimeMs),
      }),
    ]);
    const before = (await run('export')).stdout;
    expect((await imported(JSON.stringify(database))).stdout).toMatch(
      /^taken 0, renewed 0, unchanged 2, skipped 2\n/,
    );
    expect((await run('export')).stdout).toBe(before);
  });

  test('the first layout, with a topic that is given, as JSON', async () => {
    const python = {
      alice: {
        accounts: {
          [ACCOUNT_ID]: {
            devices: {
              [DEVICE_TOKEN]: { mailboxes: ['INBOX'] },
              [tokenNumber(1)]: { mailboxes: ['INBOX', 'Notes'] },
            },
          },
        },
      },
    };
    const { exitCode, stdout } = await imported(
      JSON.stringify(python, null, 4),
      '--topic',
      'given',
      '--json',
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      dryRun: false,
      format: 'xaps',
      taken: 2,
      renewed: 0,
      unchanged: 0,
      skipped: 0,
      removed: 0,
      droppedMailboxes: 0,
      topic: { topic: 'given', from: '--topic' },
      reasons: [],
      firstSkipped: [],
    });
    expect(await rows('SELECT DISTINCT topic FROM targets')).toEqual([{ topic: 'given' }]);
  });
});

describe('from a table', () => {
  const HEADER = 'user,device_token,account_id,mailboxes,topic\n';

  test('with quotes, line breaks and a mark of byte order', async () => {
    const text = `\ufeff${HEADER.trim()}\r\n"a ""b""\nc",${tokenNumber(1)},${ACCOUNT_ID},INBOX|Archive,its own\r\nbob,${tokenNumber(2).toUpperCase()},${ACCOUNT_ID},,\r\n`;
    expect((await imported(text)).stdout).toMatch(taken(2));
    expect(
      await rows(
        'SELECT user, topic, device_token AS token, group_concat(path) AS paths FROM targets JOIN subscriptions ON target_id = id GROUP BY id ORDER BY user',
      ),
    ).toEqual([
      { user: 'a "b"\nc', topic: 'its own', token: tokenNumber(1), paths: 'Archive,INBOX' },
      { user: 'bob', topic: 'com.apple.mail.XServer.test', token: tokenNumber(2), paths: 'INBOX' },
    ]);
    expect((await imported(text)).stdout).toMatch(unchanged(2));
  });

  test('a column that is not known is named, and nothing is taken', async () => {
    expect(await imported(`${HEADER.trim()},colour\nalice,x,y,,,red\n`)).toEqual({
      exitCode: 65,
      stdout: '',
      stderr:
        'xapplepush: error: this is not CSV that can be imported: unknown columns: "colour"\n' +
        'xapplepush: hint: the first line names the columns, separated by commas; there are user, device_token, account_id, mailboxes, subtopic, aps_version, topic, registered, renewed\n',
    });
  });

  test('many bad lines: the first are named, all are counted', async () => {
    const bad = Array.from({ length: 30 }, (_, index) => `user${index},none,${ACCOUNT_ID},,\n`).join('');
    const { stdout, exitCode } = await imported(`${HEADER}${bad}x\nalice,${DEVICE_TOKEN},${ACCOUNT_ID},,\n`);
    expect(exitCode).toBe(65);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(2, 4)).toEqual([
      'skipped, the first 20:',
      '  line 2 (user0): device token: expected 32 to 400 hexadecimal digits, an even number',
    ]);
    expect(lines.slice(22)).toEqual([
      '  line 21 (user19): device token: expected 32 to 400 hexadecimal digits, an even number',
      'all that were skipped:',
      '  30 times: device token: expected 32 to 400 hexadecimal digits, an even number',
      '  1 times: expected 5 fields',
    ]);
    expect(lines[0]).toBe('taken 1, renewed 0, unchanged 0, skipped 31');
  });

  test('more devices than a user may have: the newest stay, and again', async () => {
    const devices = [1, 2, 3, 4, 5].map(
      (day) => `alice,${tokenNumber(day)},${ACCOUNT_ID},2023-01-0${day}T00:00:00Z\n`,
    );
    const text = `user,device_token,account_id,renewed\n${devices.join('')}`;
    expect((await imported(text)).stdout).toMatch(
      /^taken 5, .* skipped 0\n2 older devices of theirs removed\n/,
    );
    const export1 = (await run('export')).stdout;
    expect((await imported(text)).stdout).toMatch(/^taken 0, renewed 0, unchanged 3, skipped 2\n/);
    expect((await run('export')).stdout).toBe(export1);
  });
});

test('--dry-run says what would be done, and makes no database', async () => {
  const text = HEADER_LINE + targetLine(exportedTarget()) + targetLine(exportedTarget()) + 'x\n';
  const wanted = 'would take 1, renew 0, leave 1, skip 1\nskipped:\n  line 4: not JSON\n';
  expect(await imported(text, '--dry-run')).toEqual({ exitCode: 65, stdout: wanted, stderr: '' });
  expect(existsSync(here!.store)).toBe(false);
  await imported(text);
  const before = (await run('export')).stdout;
  expect((await imported(text + targetLine(exportedTarget({ user: 'bob' })), '--dry-run')).stdout).toMatch(
    /^would take 1, renew 0, leave 2, skip 1\n/,
  );
  expect((await run('export')).stdout).toBe(before);
});

describe('what is no file of targets', () => {
  const MIB = 1024 * 1024;
  const bad = (
    title: string,
    input: string | Buffer,
    why: RegExp,
    options: string[] = [],
    exitCode = 65,
  ): void => {
    test(title, async () => {
      const { stdout, stderr, ...end } = await imported(input, ...options);
      expect(end.exitCode).toBe(exitCode);
      expect(stdout + stderr).toMatch(why);
      expect(stderr).not.toMatch(/internal error|\n {4}at /);
      expect((stdout + stderr).length).toBeLessThan(2000);
    });
  };
  bad('nothing', '', /the input is empty/);
  bad('other text', 'hello\n', /in no format that can be imported/);
  bad('something compressed', Buffer.from([0x1f, 0x8b, 8, 0]), /gunzip it first/);
  bad('bytes', Buffer.alloc(100_000, 0xff), /in no format/);
  bad('NULs', Buffer.alloc(100_000), /in no format/);
  bad(
    'a line of 10 MB that is no JSON',
    `${HEADER_LINE}{"user":"${'x'.repeat(10_000_000)}\n${targetLine(exportedTarget())}`,
    /^taken 1,.* skipped 1\nskipped:\n {2}line 2: not JSON\n$/,
  );
  bad(
    'a line of 17 MiB',
    `${HEADER_LINE}${'x'.repeat(17 * MIB)}\n${targetLine(exportedTarget())}`,
    /^taken 1,.* skipped 1\nskipped:\n {2}line 2: longer than 16777216 bytes\n$/,
  );
  bad(
    'a user of 1 MB',
    `${HEADER_LINE}${targetLine(exportedTarget({ user: 'u'.repeat(1_000_000) })).replace(DEVICE_TOKEN, 'x')}`,
    /user: expected at most 1024 bytes/,
  );
  bad('a database that is broken off', '{"Users": {"alice"', /not a database of dovecot-xaps-daemon/);
  bad('a list as a database', '[]', /not a database/, ['--format', 'xaps']);
  bad(
    'deep brackets',
    `${HEADER_LINE}${'['.repeat(200_000)}\n${'['.repeat(100_000)}${']'.repeat(100_000)}\n`,
    /skipped 2\n/,
  );
  bad(
    'prototypes',
    `${HEADER_LINE}{"__proto__":{"user":"x"}}\n{"constructor":{"prototype":{}}}\n`,
    /skipped 2\n/,
  );
  bad(
    'another version',
    '{"xapplepush":"targets","version":2}\n',
    /line 1 announces "targets" of version "2", expected targets of version 1/,
  );
  bad(
    'a table with a line of 10 MB',
    `user,device_token,account_id\n"${'x'.repeat(10_000_000)}\n`,
    /line 2: longer than 1048576 bytes/,
  );
  bad(
    'another format',
    HEADER_LINE,
    /--format is "xml", expected one of jsonl, xaps, csv/,
    ['--format', 'xml'],
    64,
  );

  test('a file that is not there, or a folder', async () => {
    expect(await run('import', join(here!.dir, 'missing'))).toMatchObject({
      exitCode: 65,
      stderr: expect.stringMatching(/cannot read .*missing: ENOENT/) as string,
    });
    expect(await run('import', here!.dir)).toMatchObject({
      exitCode: 65,
      stderr: expect.stringMatching(/cannot read .*: EISDIR/) as string,
    });
    expect(await run('import')).toMatchObject({ exitCode: 64 });
  });

  test('a database that cannot be used', async () => {
    writeFileSync(here!.store, 'no database '.repeat(1000));
    expect(await imported(HEADER_LINE + targetLine(exportedTarget()))).toMatchObject({
      exitCode: 75,
      stdout: '',
    });
  });
});
