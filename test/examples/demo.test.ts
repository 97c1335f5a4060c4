import { spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const EVENTS = join(PROJECT, 'examples/events');
const FIXTURES = join(PROJECT, 'test/fixtures/cyrus');

interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Temporary folders of the demo are made in here, so that what it leaves behind can be seen. */
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xapplepush-demo-test-'));
  mkdirSync(join(folder, 'tmp'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the demo of that project; `onOutput` sees what it has written so far. */
function demo(
  project: string,
  onOutput: (stdout: string, pid: number) => void = () => undefined,
  options: readonly string[] = [],
): Promise<Ended> {
  const child = spawn(process.execPath, [join(project, 'examples/demo.mjs'), ...options], {
    cwd: '/',
    env: { TMPDIR: join(folder, 'tmp') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    onOutput(stdout, child.pid ?? 0);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

/** Processes that name the demo's temporary folder in their command line or their environment. */
function leftProcesses(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => `${contentOf(`/proc/${pid}/cmdline`)} ${contentOf(`/proc/${pid}/environ`)}`)
    .filter((text) => text.includes(folder));
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // the process has ended meanwhile
  }
}

function expectNothingLeft(): void {
  expect(leftProcesses()).toEqual([]);
  expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
}

/** A copy of what the demo needs, in which an event can be exchanged. */
function copyOfProject(): string {
  const copy = join(folder, 'project');
  for (const name of ['bin', 'build', 'dist', 'examples', 'schema.sql', 'package.json'])
    cpSync(join(PROJECT, name), join(copy, name), { recursive: true });
  symlinkSync(join(PROJECT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Each numbered step with what stands below it. */
function stepsOf(stdout: string): string[] {
  return stdout.split(/^(?=\d+ {2})/m).slice(1);
}

/** No whole token or account id, and no colours where nobody looks. */
function expectNoSecrets(stdout: string): void {
  const { apsDeviceToken, apsAccountId } = JSON.parse(
    readFileSync(join(EVENTS, 'registration.json'), 'utf8'),
  ) as Record<string, string>;
  expect(stdout).not.toContain(apsDeviceToken);
  expect(stdout).not.toContain(apsAccountId);
  expect(stdout).not.toContain('\x1b');
}

describe('the demo', () => {
  test('tells the story to its end and leaves nothing behind', async () => {
    const { exitCode, stdout, stderr } = await demo(PROJECT);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const steps = stepsOf(stdout);
    expect(steps).toHaveLength(10);
    const [registers, inbox, archive, read, bob, cut, works, log, gone, empty] = steps;
    expect(stdout).not.toMatch(/[{}]|imap:/);
    expect(registers).toMatch(/ApplePushService: alice wants to hear of INBOX, Archive, Trash, Sent/);
    expect(registers).toMatch(/Apple +received nothing/);
    for (const step of [inbox, archive, read])
      expect(step).toMatch(/went on after \d+ ms, Apple had the push after \d+ ms/);
    expect(bob).toMatch(/no device wants to hear of bob:INBOX[^]*received nothing/);
    expect(cut).toMatch(
      /went on after [^]*received nothing[^]*keeps the push[^]*is back, and receives the push/,
    );
    expect(works).toMatch(/^ +devices +1, of 1 user; [^]*connection refused/m);
    expect(log).toMatch(/ alice +80aa34cb…4f3a +MessageNew +INBOX +Apple took the push, .*, attempt 2/);
    expect(gone).toMatch(/answered 410[^]*removed the device/);
    expect(empty).toContain('no devices');
    expect(stdout).toMatch(/All as expected: 7 events, 5 pushes\./);
    expectNoSecrets(stdout);
    expectNothingLeft();
  });

  test('--verbose shows events and pushes themselves', async () => {
    const { stdout } = await demo(PROJECT, undefined, ['--verbose']);
    expectNoSecrets(stdout);
    const steps = stepsOf(stdout);
    expect(steps[0]).toMatch(/\{"event":"ApplePushService",.*"apsDeviceToken":"80aa34cb…"/);
    expect(steps[1]).toContain('{"aps":{"account-id":"0715A26B…"}}');
    // MD5 of "Archive", by md5sum(1)
    expect(steps[2]).toContain('{"aps":{"account-id":"0715A26B…","m":["e727b00944f81e1d0a95c12886ac4641"]}}');
    expect(steps[3]).toMatch(/imap:[^]*\{"aps":\{"account-id":"0715A26B…"\}\}/);
  });

  test('fails and says why when Apple receives something else', async () => {
    const project = copyOfProject();
    const events = join(project, 'examples/events');
    copyFileSync(join(events, 'message-in-folder.json'), join(events, 'message-in-inbox.json'));
    const { exitCode, stdout, stderr } = await demo(project);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      'The demo failed: Apple received a push with m ["e727b00944f81e1d0a95c12886ac4641"], expected none',
    );
    expect(stepsOf(stdout)).toHaveLength(2);
    expectNothingLeft();
  });

  test('says what to do where nothing is built', async () => {
    const project = copyOfProject();
    rmSync(join(project, 'dist'), { recursive: true });
    expect(await demo(project)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: '\nThe demo failed: xapplepush is not built yet; run: npm run build\n',
    });
    expectNothingLeft();
  });

  test('names the packages to install where npm could not compile the driver, before it begins', async () => {
    const project = copyOfProject();
    rmSync(join(project, 'node_modules'));
    const { exitCode, stdout, stderr } = await demo(project);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^\nThe demo failed: there is no database driver for Node v\d/);
    expect(stderr).toContain(
      '\nhint: as root: apt-get install -y build-essential python3; then here: npm ci',
    );
    expectNothingLeft();
  });

  test('cleans up when it is interrupted', async () => {
    const { exitCode, stderr } = await demo(PROJECT, (stdout, pid) => {
      if (stepsOf(stdout).length === 3) process.kill(pid, 'SIGINT');
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('The demo failed: interrupted');
    expectNothingLeft();
  });
});

test('the events of the demo are captured ones, byte for byte', () => {
  const captured = new Set(readdirSync(FIXTURES).map((name) => readFileSync(join(FIXTURES, name), 'latin1')));
  const names = readdirSync(EVENTS);
  expect(names).toHaveLength(6);
  for (const name of names) expect(captured.has(readFileSync(join(EVENTS, name), 'latin1')), name).toBe(true);
});
