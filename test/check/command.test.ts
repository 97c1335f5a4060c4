import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Point } from '../../src/check/point.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { COMMAND, createSandbox, type Finished, type Sandbox } from '../support/command.ts';
import { ACCOUNT_ID, DEVICE_TOKEN, registration } from '../support/events.ts';
import { here } from '../support/here.ts';
import { IS_ROOT, USER, USER_NAME } from './setup.ts';

let mock: TestApns;
let sandbox: Sandbox;
/** The same sandbox, in which the program runs in processes of its own: some Nodes cannot become the mail user. */
let whole: Sandbox;
beforeEach(async () => {
  mock = await startTestApns();
  whole = createSandbox(`delivery: { linger: 0s }\n${configFor(mock)}`);
  sandbox = here(whole);
  chmodSync(sandbox.dir, 0o755);
  imapd('');
  for (const path of [sandbox.dir, mock.dir, mock.files.clientKey])
    if (IS_ROOT) chownSync(path, USER.uid, USER.gid);
});
afterEach(async () => {
  sandbox.remove();
  await mock.close();
});

/** imapd.conf as docs/cyrus.md has it, with further lines. */
function imapd(more: string, topic = mock.topic): void {
  const lines = [
    ...[
      `cyrus_user: ${USER_NAME}`,
      'event_notifier: external',
      'event_groups: applepushservice message flags',
    ],
    ...[`notify_external: ${COMMAND}`, `aps_topic: ${topic}`, `configdirectory: ${sandbox.dir}`],
    ...['tls_server_cert: /etc/ssl/cert.pem', more],
  ];
  writeFileSync(join(sandbox.dir, 'imapd.conf'), lines.join('\n'));
  chmodSync(join(sandbox.dir, 'imapd.conf'), 0o644);
}

async function check(...args: string[]): Promise<Finished & { points: Point[] }> {
  const finished = await sandbox.run(['check', '--json', ...args]);
  return { ...finished, points: JSON.parse(finished.stdout) as Point[] };
}

/** By name, apart from what depends on where the tests run: whether the mail user can reach this tree. */
function judged(points: readonly Point[]): Record<string, string> {
  return Object.fromEntries(points.map(({ point, state }) => [point, state]));
}

describe('xapplepush check', () => {
  test('goes through everything and says so on standard output', async () => {
    const { exitCode, stdout, stderr } = await whole.run(['check']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^ok {7}configuration {4}\S+config\.yaml$/m);
    expect(stdout).toMatch(
      new RegExp(`^ok {7}Apple: push {6}Apple takes the credential for ${mock.topic}$`, 'm'),
    );
    expect(stdout).toMatch(/^warning {2}log .*\n {26}fix: set log\.destination/m);
    expect(stdout).toMatch(/^\d problems?, \d warnings?/m);
    expect(stdout).not.toContain('\u001b');
    expect([0, 1]).toContain(exitCode);
  });

  test('with --json gives the same to programs', async () => {
    const { stdout, stderr } = await whole.run(['check', '--json']);
    const points = JSON.parse(stdout) as Point[];
    expect(stderr).toBe('');
    expect(judged(points)).toMatchObject({
      ...{ configuration: 'ok', credential: 'ok', aps_topic: 'ok', database: 'ok', spool: 'ok' },
      ...{ 'database folder': 'ok', 'Apple: TLS': 'ok', 'Apple: push': 'ok', targets: 'warning' },
    });
    expect(Object.keys(points[0] ?? {})).toEqual(['point', 'state', 'text', 'fix']);
  });

  test('starts the built program as the mail user, without a PATH', async () => {
    // XAPPLEPUSH_NODE is passed on where it is set, as the sandbox does.
    imapd(`cyrus_user: ${IS_ROOT ? 'root' : USER_NAME}`);
    const handler = (await check()).points.find(({ point }) => point === 'handler');
    expect(handler?.text).toMatch(/^starts as user \w+ without a PATH, version \d/);
  });

  test('exits 1 for a problem', async () => {
    imapd('', 'com.apple.mail.XServer.other');
    const { exitCode, points } = await check();
    expect(exitCode).toBe(1);
    expect(judged(points)['aps_topic']).toBe('problem');
  });

  test('exits 78 where the configuration cannot be used', async () => {
    writeFileSync(sandbox.configFile, 'apns: { server: nowhere }\nspol: /x\n');
    const { exitCode, points } = await check();
    expect(exitCode).toBe(78);
    expect(points.filter(({ state }) => state === 'problem').map(({ point }) => point)).toEqual([
      'configuration',
      'configuration',
    ]);
  });

  test('a configuration that is named and not there is one', async () => {
    const { exitCode, stdout } = await sandbox.run(['check', '--config', '/no/such.yaml']);
    expect(exitCode).toBe(78);
    expect(stdout).toMatch(/^problem {2}configuration .*\/no\/such\.yaml: no such file$/m);
  });

  test('leaves no file behind that the mail user cannot use', async () => {
    await whole.notify(registration());
    await whole.run(['check']);
    const again = (await check()).points.find(({ point }) => point === 'database folder');
    expect(again).toMatchObject({ state: 'ok' });
  });

  test('--help has an example', async () => {
    const { stdout, exitCode } = await sandbox.run(['check', '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Examples:');
    expect(stdout).toContain('78');
  });
});

describe('xapplepush push', () => {
  test('shows what Apple said, and what it does not mean', async () => {
    await sandbox.notify(registration());
    const { exitCode, stdout, stderr } = await sandbox.run(['push', 'alice']);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^alice, device 80aa34cb…4f3a, INBOX: Apple took the push \(200\)$/m);
    expect(stdout).toContain('does not mean that Mail acted on it');
    expect(stdout).not.toContain(DEVICE_TOKEN);
    expect(mock.received).toMatchObject([{ accountId: ACCOUNT_ID, topic: mock.topic }]);
  });

  test('with --json, refused: 75', async () => {
    await sandbox.notify(registration());
    mock.setAnswers('*', ['410/Unregistered@1700000000000']);
    const { exitCode, stdout } = await sandbox.run(['push', 'alice', '--json']);
    expect(exitCode).toBe(75);
    expect(JSON.parse(stdout)).toMatchObject([
      { user: 'alice', result: 'refused', answer: '410 Unregistered' },
    ]);
    const targets = await sandbox.run(['targets', 'list', '--json']);
    expect(JSON.parse(targets.stdout)).toMatchObject([{ user: 'alice', lastError: null, failures: 0 }]);
  });

  test('unreachable: 69, nobody: 65, no user: 64', async () => {
    await sandbox.notify(registration());
    mock.setAnswers('*', ['disconnect']);
    expect((await sandbox.run(['push', 'alice'])).exitCode).toBe(69);
    const nobody = await sandbox.run(['push', 'nobody']);
    expect(nobody.exitCode).toBe(65);
    expect(nobody.stderr).toContain('user "nobody" has no device');
    expect((await sandbox.run(['push', 'alice', '--mailbox', 'Nowhere'])).exitCode).toBe(65);
    expect((await sandbox.run(['push'])).exitCode).toBe(64);
  });

  test('--help has an example', async () => {
    expect((await sandbox.run(['push', '--help'])).stdout).toContain(
      'xapplepush push alice --mailbox Archive',
    );
  });
});
