import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MAX_EVENT_BYTES } from '../../src/events/read.ts';
import { claimSpool } from '../../src/spool/spool.ts';
import { eventually, type Finished, NOTIFYD_ARGUMENTS } from '../support/command.ts';
import { messageNew } from '../support/events.ts';
import { describeAsRoot } from '../support/needs.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { temporaryFolder } from '../support/store.ts';

const COMMAND = fileURLToPath(new URL('../../bin/xapplepush-spool', import.meta.url));
const NOBODY = 65_534;

interface Call {
  input?: string | Buffer;
  args?: readonly string[];
  uid?: number;
  shell?: string;
  env?: Record<string, string>;
}

/** Runs it with nothing in its environment but the spool. */
function run(spool: string, { input = '{}', args = [], uid, shell, env = {} }: Call = {}): Promise<Finished> {
  const words = shell === undefined ? [COMMAND, ...args] : [...shell.split(' '), COMMAND, ...args];
  const child = spawn(words[0] ?? '', words.slice(1), {
    cwd: '/',
    env: { XAPPLEPUSH_SPOOL: spool, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk.toString()));
  // It may end before it has read everything.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout: stdout.join(''), stderr: stderr.join('') }));
  });
}

function newSpool(): string {
  const spool = join(temporaryFolder(), 'spool');
  mkdirSync(spool, { mode: 0o700 });
  return spool;
}

/** What lies in the spool, by folder. */
function filesIn(spool: string): Record<string, string[]> {
  return Object.fromEntries(readdirSync(spool).map((folder) => [folder, readdirSync(join(spool, folder))]));
}

/** But NUL, which no JSON has and no shell keeps. */
const EVERY_BYTE = Buffer.from(Array.from({ length: 255 }, (_, n) => n + 1));

const KEPT = { exitCode: 0, stdout: '', stderr: '' };
const NOTHING = { tmp: [], new: [] };

describe('an event', () => {
  test('is kept byte for byte, for its user only, without PATH and HOME', async () => {
    const spool = newSpool();
    const event = Buffer.concat([Buffer.from(messageNew()), EVERY_BYTE, Buffer.from('\n\n \\n')]);
    expect(await run(spool, { input: event, args: NOTIFYD_ARGUMENTS })).toEqual(KEPT);
    const { tmp, new: names } = filesIn(spool);
    expect(tmp).toEqual([]);
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json$/)]);
    const file = join(spool, 'new', names?.[0] ?? '');
    expect(readFileSync(file).equals(event)).toBe(true);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    for (const folder of ['tmp', 'new'])
      expect((statSync(join(spool, folder)).mode & 0o777).toString(8)).toBe('700');
  });

  test('is what a reader of the spool gets', async () => {
    const spool = newSpool();
    await run(spool, { input: messageNew() });
    const texts = [...claimSpool(spool, Date.now())].map((file) =>
      Buffer.concat([...file.read()]).toString(),
    );
    expect(texts).toEqual([messageNew()]);
  });

  test('that comes while the clock jumps is not taken from its hands', async () => {
    const spool = newSpool();
    mkdirSync(join(spool, 'new'));
    writeFileSync(join(spool, 'new', 'before.json'), '{"before":1}');
    const child = spawn(COMMAND, [], { env: { XAPPLEPUSH_SPOOL: spool } });
    const ended = once(child, 'close');
    child.stdin.write('{"first":');
    await eventually(
      () => filesIn(spool),
      ({ tmp }) => tmp?.length === 1,
    );
    for (const days of [30, -30])
      for (const spooled of claimSpool(spool, Date.now() + days * 86_400_000)) spooled.done();
    child.stdin.end('1}\n');
    expect(await ended).toEqual([0, null]);
    const texts = filesIn(spool)['new']?.map((name) => readFileSync(join(spool, 'new', name), 'utf8'));
    expect(texts).toEqual(['{"first":1}\n']);
  });

  test('that mv cannot move is no success, and a reader of the spool gets it a little later', async () => {
    const spool = newSpool();
    const programs = temporaryFolder();
    writeFileSync(join(programs, 'mv'), '#!/bin/sh\necho "mv: no space" >&2\nexit 1\n', { mode: 0o755 });
    const { exitCode, stderr } = await run(spool, { env: { PATH: `${programs}:/usr/bin:/bin` } });
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: 'mv: no space\n' });
    const [left] = [...claimSpool(spool, Date.now() + 11 * 60_000)];
    expect(Buffer.concat([...(left?.read() ?? [])]).toString()).toBe('{}');
  });

  test('is on the disk before it is kept, and its folder before all is well, where that is wanted', async () => {
    const [spool, programs] = [newSpool(), temporaryFolder()];
    const calls = join(programs, 'calls');
    const program = (name: string): void =>
      writeFileSync(
        join(programs, name),
        `#!/bin/sh\necho "${name} $*" >>${calls}\nexec /usr/bin/${name} "$@"\n`,
        { mode: 0o755 },
      );
    program('sync');
    program('mv');
    const env = { PATH: `${programs}:/usr/bin:/bin`, XAPPLEPUSH_SPOOL_SYNC: 'yes' };
    expect(await run(spool, { env })).toEqual(KEPT);
    const [name = ''] = filesIn(spool)['new'] ?? [];
    const [draft, kept] = [join(spool, 'tmp', name), join(spool, 'new', name)];
    const told = readFileSync(calls, 'utf8').replaceAll(/@\d+/g, '@PID');
    expect(told).toBe(`sync -- ${draft}@PID\nmv -- ${draft}@PID ${kept}\nsync -- ${join(spool, 'new')}\n`);
  });

  test('that the disk does not take is no success, where that is wanted', async () => {
    const [spool, programs] = [newSpool(), temporaryFolder()];
    writeFileSync(join(programs, 'sync'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const env = { PATH: `${programs}:/usr/bin:/bin`, XAPPLEPUSH_SPOOL_SYNC: 'yes' };
    const { exitCode, stderr } = await run(spool, { env });
    expect(exitCode).toBe(75);
    expect(stderr).toContain('cannot be written to the disk');
    expect(filesIn(spool)).toEqual(NOTHING);
  });

  test.each([['dash'], ['bash'], ['bash --posix']])('is kept under %s, too', async (shell) => {
    const spool = newSpool();
    const env = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' };
    expect(await run(spool, { input: EVERY_BYTE, shell, env })).toEqual(KEPT);
    const [name = ''] = filesIn(spool)['new'] ?? [];
    expect(readFileSync(join(spool, 'new', name)).equals(EVERY_BYTE)).toBe(true);
  });

  test('of the greatest length is kept, with its newline', async () => {
    const spool = newSpool();
    const input = `${'x'.repeat(MAX_EVENT_BYTES)}\n`;
    expect(await run(spool, { input })).toEqual(KEPT);
    const [name = ''] = filesIn(spool)['new'] ?? [];
    expect(statSync(join(spool, 'new', name)).size).toBe(MAX_EVENT_BYTES + 1);
  });

  test('never overwrites another, however many come at once', async () => {
    const spool = newSpool();
    const events = Array.from({ length: 100 }, (_, n) => String(n));
    await Promise.all(events.map((input) => run(spool, { input })));
    const { tmp, new: names = [] } = filesIn(spool);
    expect(tmp).toEqual([]);
    const kept = names.map((name) => readFileSync(join(spool, 'new', name), 'utf8'));
    expect(kept.sort()).toEqual(events.sort());
  });

  test.each([
    ['none', [], 1],
    ["notifyd's", NOTIFYD_ARGUMENTS, 1],
    ['an empty class', ['-c', ''], 1],
    ['a class without a value', ['-u', 'alice', '-c'], 1],
    ['the class MAIL', ['-c', 'MAIL', '-p', 'normal', '-u', 'alice', '-m', 'INBOX'], 0],
    ['the class SIEVE', ['-p', '', '-c', 'SIEVE'], 0],
    ['words for nobody', ['$(touch /tmp/x)', '--help', '*'], 1],
  ])('with %s as arguments', async (_what, args, files) => {
    const spool = newSpool();
    expect(await run(spool, { args })).toEqual(KEPT);
    expect((filesIn(spool)['new'] ?? []).length).toBe(files);
  });
});

describe('nothing is left behind', () => {
  test('of empty input', async () => {
    const spool = newSpool();
    const { exitCode, stdout, stderr } = await run(spool, { input: '' });
    expect({ exitCode, stdout }).toEqual({ exitCode: 65, stdout: '' });
    expect(stderr).toMatch(/^xapplepush-spool: error: empty input.*\nxapplepush-spool: hint: .+\n$/);
    expect(filesIn(spool)).toEqual(NOTHING);
  });

  test('of input that is too long', async () => {
    const spool = newSpool();
    const { exitCode, stderr } = await run(spool, { input: 'x'.repeat(2 * MAX_EVENT_BYTES) });
    expect(exitCode).toBe(65);
    expect(stderr).toMatch(/^xapplepush-spool: error: longer than 1048576 bytes\n/);
    expect(filesIn(spool)).toEqual(NOTHING);
  });

  test.each([
    ['dash', 'unlimited', 65],
    ['bash --posix', 'unlimited', 65],
    // An administrator's limit, which the log has not reached, and the event has before its own.
    ['dash', '2047', 75],
    ['bash --posix', '2047', 75],
  ])('and told in a log, by %s under a limit of %s', async (shell, limit, exitCode) => {
    const spool = newSpool();
    const log = join(temporaryFolder(), 'log');
    const script = `ulimit -f ${limit}; exec ${shell} "$0" 2>>"$1"`;
    const child = spawn('dash', ['-c', script, COMMAND, log], {
      env: { XAPPLEPUSH_SPOOL: spool, PATH: '/usr/bin:/bin' },
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${'x'.repeat(MAX_EVENT_BYTES)}${exitCode === 65 ? 'x' : ''}\n`);
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(exitCode);
    expect(readFileSync(log, 'utf8').split('\n').filter(Boolean)).toHaveLength(2);
    expect(filesIn(spool)).toEqual(NOTHING);
  });

  test.each([
    ['that does not exist', (spool: string) => join(spool, 'none')],
    ['with a relative path', () => 'spool'],
    [
      'that is a file',
      (spool: string) => {
        writeFileSync(join(spool, 'file'), '');
        return join(spool, 'file');
      },
    ],
    [
      'whose folder new is a file',
      (spool: string) => {
        writeFileSync(join(spool, 'new'), '');
        return spool;
      },
    ],
  ])('of a spool %s', async (_what, make) => {
    const spool = make(newSpool());
    const { exitCode, stdout, stderr } = await run(spool);
    expect({ exitCode, stdout }).toEqual({ exitCode: 75, stdout: '' });
    expect(stderr).toMatch(
      /^xapplepush-spool: error: the event is lost: .+\nxapplepush-spool: hint: .*install -d .+\n$/,
    );
    if (existsSync(join(spool, 'tmp'))) expect(readdirSync(join(spool, 'tmp'))).toEqual([]);
  });

  test('of a stop by a signal', async () => {
    const spool = newSpool();
    const child = spawn(COMMAND, { env: { XAPPLEPUSH_SPOOL: spool }, detached: true });
    child.stdin.write('{');
    await expect.poll(() => filesIn(spool)['tmp']?.length).toBe(1);
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    const exitCode = await new Promise((resolve) => child.on('close', resolve));
    expect(exitCode).toBe(75);
    expect(filesIn(spool)).toEqual(NOTHING);
  });

  // What root can do with any folder is no test of permissions, and only root can mount and be somebody else.
  describeAsRoot('as root can show', () => {
    test('of a spool that may not be written', async () => {
      const spool = newSpool();
      for (const folder of ['tmp', 'new']) mkdirSync(join(spool, folder), { mode: 0o755 });
      chownSync(spool, NOBODY, NOBODY);
      expect((await run(spool, { uid: NOBODY })).exitCode).toBe(75);
      expect(filesIn(spool)).toEqual(NOTHING);
    });

    test('of a new/ that may not be written', async () => {
      const spool = newSpool();
      for (const folder of ['tmp', 'new']) mkdirSync(join(spool, folder));
      for (const path of [spool, join(spool, 'tmp')]) chownSync(path, NOBODY, NOBODY);
      const { exitCode, stderr } = await run(spool, { uid: NOBODY });
      expect(exitCode).toBe(75);
      expect(stderr).toContain('cannot be renamed');
      expect(filesIn(spool)).toEqual(NOTHING);
    });

    test('of a folder that root would have to make in the spool of another', async () => {
      const spool = newSpool();
      chownSync(spool, NOBODY, NOBODY);
      expect((await run(spool)).exitCode).toBe(75);
      expect(filesIn(spool)).toEqual({});
    });

    test('of a full disk', async () => {
      const disk = mountSmallDisk(join(temporaryFolder(), 'disk'));
      onTestFinished(() => {
        disk.unmount();
      });
      const { exitCode } = await run(disk.path, { input: Buffer.alloc(100_000, 'x') });
      expect(exitCode).toBe(75);
      expect(filesIn(disk.path)).toEqual(NOTHING);
    });
  });
});
