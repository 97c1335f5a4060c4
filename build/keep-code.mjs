import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const RUNNER = join(import.meta.dirname, 'run-and-keep.mjs');

/** Until the compiled form of a new configuration is kept: SETTLED_MS of src/config/compiled.ts, and a little more. */
const SETTLED_MS = 2100;

const MESSAGE = {
  event: 'MessageNew',
  uri: 'imap://mail.example.org/user/alice;UIDVALIDITY=1/;UID=1',
  user: '',
  'vnd.cmu.mbtype': 'e',
};
const MESSAGE_FOR_NOBODY = { ...MESSAGE, uri: MESSAGE.uri.replace('alice', 'nobody') };
const OTHER = { event: 'MailboxModseq', user: '', uri: 'imap://mail.example.org/user/alice' };
const REGISTRATION = {
  event: 'ApplePushService',
  user: 'alice',
  apsVersion: 2,
  apsAccountId: '0715A26B-CA09-4730-A419-793000CA982E',
  apsDeviceToken: '80aa34cb'.repeat(8),
  apsSubtopic: 'com.apple.mobilemail',
  mailboxes: ['INBOX'],
};

const NOTIFYD_ARGUMENTS = ['-c', 'EVENT', '-p', '', '-u', '', '-m', '', '-f'];

/**
 * Runs the program as mail servers do, against its own stand-in for Apple, and keeps beside each layer the code of what
 * ran: of the drivers, that which this Node uses. Where that fails the program is complete all the same, and slower to
 * start.
 */
export async function keepCode(out, drivers) {
  const dir = mkdtempSync(join(tmpdir(), 'xapplepush-build-'));
  try {
    await playEvents({ out, dir, drivers });
  } catch (error) {
    process.stderr.write(`build: the program will start more slowly: ${error.message}\n`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function playEvents(stage) {
  const mock = run(
    stage,
    ['commands'],
    ['mock-apns', '--dir', join(stage.dir, 'apns'), '--port', '0', '--json'],
  );
  try {
    configure(stage.dir, JSON.parse(await firstLine(mock)));
    await setTimeout(SETTLED_MS);
    await ended(run(stage, ['config', 'yaml', 'registration', 'pino'], [], [REGISTRATION]));
    const events = [OTHER, MESSAGE_FOR_NOBODY, MESSAGE];
    await ended(run(stage, ['event', 'store', ...stage.drivers], NOTIFYD_ARGUMENTS, events));
    await ended(run(stage, ['delivery'], ['--wait'], [MESSAGE]));
  } finally {
    mock.kill();
    await ended(mock);
  }
}

function configure(dir, { url, certificate, key, ca }) {
  writeFileSync(join(dir, 'other.conf'), 'unixhierarchysep: yes\n');
  writeFileSync(join(dir, 'imapd.conf'), `altnamespace: yes\n@include: ${dir}/other.conf\n`);
  const file = join(dir, 'config.yaml');
  writeFileSync(
    file,
    `apns: { server: '${url}', certificate: ${certificate}, key: ${key}, ca: ${ca} }
store: ${dir}/x.db
spool: ${dir}/spool
imapd_conf: ${dir}/imapd.conf
log: { destination: ${dir}/log }
`,
  );
}

function run({ out, dir }, layers, args, events = []) {
  const child = spawn(process.execPath, [RUNNER, out, layers.join(), ...args], {
    env: { XAPPLEPUSH_CONFIG: join(dir, 'config.yaml') },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.said = '';
  child.stderr.on('data', (chunk) => (child.said += chunk));
  child.stdin.end(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  return child;
}

async function firstLine(child) {
  for await (const line of createInterface(child.stdout)) return line;
  throw new Error('the stand-in for Apple does not start');
}

async function ended(child) {
  if (child.exitCode === null) await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`exit code ${child.exitCode}: ${child.said}`);
}
