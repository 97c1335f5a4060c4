import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Point } from '../../src/check/point.ts';
import { startActivator } from '../support/activator.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import {
  configure,
  createSandbox,
  environmentOf,
  eventually,
  NOTIFYD_ARGUMENTS,
  type Sandbox,
} from '../support/command.ts';
import { DEVICE_TOKEN, registration } from '../support/events.ts';
import { installProgram } from '../support/installation.ts';
import { servings } from '../support/serve.ts';
import { describeAsRoot, testWithTools } from '../support/needs.ts';

/** nobody(5) of Debian; an id with no entry in passwd(5). */
const NOBODY = 65534;
const NAMELESS = 54321;

/** Has any Node throw where it would change its user, as that of Debian 13 always does. */
const CANNOT = { UV_USE_IO_URING: '1' };

describeAsRoot('where Node cannot change its user, root goes on through setpriv', () => {
  let apns: TestApns;
  let folder: string;
  let command: string;
  beforeAll(async () => {
    apns = await startTestApns();
    folder = mkdtempSync(join(tmpdir(), 'xapplepush-'));
    chmodSync(folder, 0o755);
    command = installProgram(join(folder, 'program')); // others cannot enter where this tree may lie
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await apns.close();
  });

  /** A sandbox of that user's, with a device in its database. */
  async function sandboxOf(uid: number): Promise<Sandbox> {
    const sandbox = createSandbox('');
    configure(sandbox, `${configFor(apns)}delivery: { linger: 0s }\n`);
    onTestFinished(() => sandbox.remove());
    chmodSync(sandbox.dir, 0o755);
    for (const path of [sandbox.dir, apns.dir, apns.files.clientKey, apns.files.clientCertificate])
      chownSync(path, uid, uid);
    expect(await run(sandbox, NOTIFYD_ARGUMENTS, { input: registration() })).toMatchObject({ exitCode: 0 });
    return sandbox;
  }

  function start(
    { configFile }: Sandbox,
    args: readonly string[],
    environment: Record<string, string>,
  ): ChildProcessWithoutNullStreams {
    return spawn(command, args, { cwd: '/', env: { ...environmentOf(configFile), ...environment } });
  }

  async function run(
    sandbox: Sandbox,
    args: readonly string[],
    { input = '', environment = CANNOT }: { input?: string; environment?: Record<string, string> } = {},
  ): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
    const child = start(sandbox, args, environment);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => undefined); // a command that does not read its input ends all the same
    child.stdin.end(input);
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { exitCode, stdout, stderr };
  }

  test.each([NOBODY, NAMELESS])('as user %d, with its input, its output and its exit code', async (uid) => {
    const sandbox = await sandboxOf(uid);
    expect(statSync(sandbox.store)).toMatchObject({ uid, gid: uid });
    const list = await run(sandbox, ['targets', 'list', '--json']);
    expect(list).toMatchObject({ exitCode: 0, stderr: '' });
    expect(list.stdout).toContain(DEVICE_TOKEN.slice(0, 8));
    expect(await run(sandbox, ['targets', 'show', 'bob'])).toMatchObject({ exitCode: 65 });
    expect(await run(sandbox, ['flush'])).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test.each([
    ['this Node cannot', CANNOT],
    ['it can', {}],
  ])('files that only root may read or write are read and written: %s', async (_, environment) => {
    const sandbox = await sandboxOf(NOBODY);
    const file = join(mkdtempSync(join(folder, 'of-root-')), 'targets.jsonl'); // the folder has mode 0700
    const exported = await run(sandbox, ['targets', 'export', file], { environment });
    expect(exported).toEqual({ exitCode: 0, stdout: `exported 1 device to ${file}\n`, stderr: '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const plain = await run(sandbox, ['targets', 'export'], { environment });
    expect(readFileSync(file, 'utf8')).toBe(plain.stdout);
    const twice = await run(sandbox, ['targets', 'export', file], { environment });
    expect(twice).toMatchObject({ exitCode: 65, stdout: '' });

    chownSync(file, 0, 0);
    expect(await run(sandbox, ['targets', 'remove', 'alice', '--all'], { environment })).toMatchObject({
      exitCode: 0,
    });
    const imported = await run(sandbox, ['targets', 'import', file], { environment });
    expect(imported).toMatchObject({ exitCode: 0 });
    expect((await run(sandbox, ['targets', 'export'], { environment })).stdout).toBe(plain.stdout);
  });

  test.each([
    ['this Node cannot', CANNOT],
    ['it can', {}],
  ])('a configuration that only root may read is read: %s', async (_, environment) => {
    const sandbox = await sandboxOf(NOBODY);
    const config = join(mkdtempSync(join(folder, 'of-root-')), 'config.yaml'); // the folder has mode 0700
    writeFileSync(config, readFileSync(sandbox.configFile), { mode: 0o600 });
    const list = await run(sandbox, ['--config', config, 'targets', 'list', '--json'], { environment });
    expect(list).toMatchObject({ exitCode: 0, stderr: '' });
    expect(list.stdout).toContain(DEVICE_TOKEN.slice(0, 8));
    const file = join(mkdtempSync(join(folder, 'of-root-')), 'targets.jsonl');
    for (const words of [
      ['export', file],
      ['import', file],
    ])
      expect(await run(sandbox, ['--config', config, 'targets', ...words], { environment })).toMatchObject({
        exitCode: 0,
        stderr: '',
      });
    const event = { input: registration({ user: 'bob' }), environment };
    expect(await run(sandbox, ['--config', config], event)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await run(sandbox, ['targets', 'show', 'bob'])).toMatchObject({ exitCode: 0 });
  });

  test('an export that fails leaves no file', async () => {
    const sandbox = await sandboxOf(NOBODY);
    const dir = mkdtempSync(join(folder, 'of-root-'));
    writeFileSync(sandbox.store, 'no database at all, but longer than the header of one'.repeat(20));
    expect(await run(sandbox, ['targets', 'export', join(dir, 'x')])).toMatchObject({
      exitCode: 75,
      stdout: '',
    });
    expect(() => statSync(join(dir, 'x'))).toThrow('ENOENT');
  });

  /** A `serve` that has opened its doors, and the process that goes on for it. */
  async function serveOn(sandbox: Sandbox): Promise<{ serve: ChildProcess; successor: number }> {
    const serve = start(sandbox, ['serve'], CANNOT);
    await eventually(
      () => servings(sandbox),
      (count) => count === 1,
    );
    const [successor = 0] = childrenOf(serve.pid);
    expect(isRunning(successor)).toBe(true);
    return { serve, successor };
  }

  test('a signal reaches it, and its end is ours', async () => {
    const { serve, successor } = await serveOn(await sandboxOf(NOBODY));
    serve.kill('SIGTERM');
    expect(await once(serve, 'exit')).toEqual([0, null]);
    expect(isRunning(successor)).toBe(false);
  });

  test('the signal that ends it is ours too', async () => {
    const { serve, successor } = await serveOn(await sandboxOf(NOBODY));
    process.kill(successor, 'SIGKILL');
    expect(await once(serve, 'exit')).toEqual([null, 'SIGKILL']);
  });

  test('where the process that started it is killed, it is killed too', async () => {
    const sandbox = await sandboxOf(NOBODY);
    const { serve, successor } = await serveOn(sandbox);
    serve.kill('SIGKILL');
    await eventually(
      () => isRunning(successor),
      (running) => !running,
    );
    expect(readFileSync(join(sandbox.dir, 'log'), 'utf8')).not.toContain('"msg":"ended"');
  });

  testWithTools({ python3: 'python3' }, 'the sockets and the watchdog of systemd are for it', async () => {
    const sandbox = await sandboxOf(NOBODY);
    const path = join(sandbox.dir, 'cyrus.sock');
    appendFileSync(sandbox.configFile, `serve: { cyrus_socket: ${path} }\n`);
    const systemd = await startActivator(sandbox, [{ name: 'cyrus', path }], {
      owner: [NOBODY, NOBODY],
      command,
      environment: CANNOT,
    });
    onTestFinished(() => systemd.close());
    const inode = statSync(path).ino;
    const { pid } = await systemd.start();
    const [successor = 0] = childrenOf(pid);
    const environment = readFileSync(`/proc/${successor}/environ`, 'utf8').split('\0');
    expect(environment).toEqual(
      expect.arrayContaining([`LISTEN_PID=${successor}`, `WATCHDOG_PID=${successor}`]),
    );
    expect(readFileSync(join(sandbox.dir, 'log'), 'utf8')).not.toContain('a socket of systemd is not used');
    expect(await systemd.end(pid, 'SIGTERM')).toBe(0);
    expect(statSync(path).ino).toBe(inode); // the one that systemd holds is used, and left in place
  });

  test('check says the same', async () => {
    const sandbox = await sandboxOf(NOBODY);
    const points = async (environment: Record<string, string>): Promise<string[]> =>
      (JSON.parse((await run(sandbox, ['check', '--json'], { environment })).stdout) as Point[]).map(
        ({ point, state }) => `${point}: ${state}`,
      );
    const could = await points({});
    expect(could).toContain('Apple: push: ok');
    expect(await points(CANNOT)).toEqual(could);
  });
});

function childrenOf(pid: number | undefined): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** False also for one that nobody has waited for yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false; // it is gone
  }
}
