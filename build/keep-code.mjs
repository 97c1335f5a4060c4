import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** What a deliverer loads besides what an event runs through. */
const DELIVERER = ['deliverer', 'delivery', 'credentials', 'control', 'lease', 'edition', 'pino'];

/**
 * Runs the program as mail servers do, and keeps beside each chunk that an event or the deliverer runs through the code
 * of what ran: of the drivers, that which this Node uses. Where that fails the program is complete all the same, and
 * slower to start.
 */
export async function keepCode(out, drivers) {
  let dir;
  try {
    dir = mkdtempSync(join(tmpdir(), 'xapplepush-build-'));
    const stage = { out, config: join(dir, 'config.yaml') };
    const shared = { out, config: join(dir, 'shared.yaml') };
    writeImapdConf(dir);
    configure(dir, stage.config, `store: ${dir}/x.db`);
    configure(dir, shared.config, `store: postgresql://127.0.0.1:9/none\nstate: ${dir}`);
    await setTimeout(SETTLED_MS);
    run(stage, ['registration'], [], [REGISTRATION]);
    const chunks = ['event', 'rolldown-runtime', 'store', ...drivers];
    run(stage, chunks, NOTIFYD_ARGUMENTS, [OTHER, MESSAGE_FOR_NOBODY, MESSAGE]);
    run(stage, DELIVERER, ['deliverer'], []);
    run(shared, ['spool'], NOTIFYD_ARGUMENTS, [MESSAGE]); // which connects to nothing, and writes a file
  } catch (error) {
    process.stderr.write(`build: the program will start more slowly: ${error.message}\n`);
  } finally {
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  }
}

function writeImapdConf(dir) {
  writeFileSync(join(dir, 'other.conf'), 'unixhierarchysep: yes\n');
  writeFileSync(join(dir, 'imapd.conf'), `altnamespace: yes\n@include: ${dir}/other.conf\n`);
}

function configure(dir, config, store) {
  writeFileSync(
    config,
    `apns: { topic: com.apple.mail.XServer.0715a26b-ca09-4730-a419-793000ca982e }
${store}
spool: ${dir}/spool
imapd_conf: ${dir}/imapd.conf
delivery: { linger: 0s }
log: { destination: ${dir}/log }
`,
  );
}

function run({ out, config }, chunks, args, events) {
  const { status, stderr } = spawnSync(process.execPath, [RUNNER, out, chunks.join(), ...args], {
    env: { XAPPLEPUSH_CONFIG: config },
    input: events.map((event) => `${JSON.stringify(event)}\n`).join(''),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`exit code ${status}: ${stderr}`);
}
