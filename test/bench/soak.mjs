// A year in service, in as many minutes as --minutes says: events by every way in, while `serve` is reloaded, stopped,
// replaced and killed, the certificate changes, Apple is in all moods, the clock jumps and the disk is full. Ends with an
// account, and with exit code 1 where that does not hold: no accepted event and no registration is lost, nobody is told
// twice, memory and disk stay within bounds. Real processes on the loopback; needs the built program, and root for the
// disk. Stops by itself, and ends only what it has started.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pause } from './numbers.mjs';
import { accountOf } from './soak-account.mjs';
import { startApple } from './soak-apple.mjs';
import { certificates } from './soak-certificates.mjs';
import { mountDisk } from './soak-disk.mjs';
import { createHost } from './soak-host.mjs';
import { keepTroubling } from './soak-troubles.mjs';
import { watchUsage } from './soak-watch.mjs';

const DEVICES = 60;
const MINUTE_MS = 60_000;
const EVENT_EVERY_MS = 60;
const LOOK_EVERY_MS = 500;
const MAX_UNDER_WAY = 8;

/** After the last trouble; and for a registration that was accepted until the store has it. */
const SETTLING_MS = 3 * MINUTE_MS;

const { minutes } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } }).values;
if (!(Number(minutes) > 0)) throw new Error(`--minutes ${minutes}: expected a number of minutes`);

const dir = mkdtempSync(join(tmpdir(), 'xapplepush-soak-'));
chmodSync(dir, 0o755); // Cyrus writes into it too
const disk = mountDisk(join(dir, 'disk'));
const apple = await startApple(join(dir, 'apple'));
const certificate = certificates(apple, join(dir, 'mail.pem'));
const tally = { accepted: {}, notAccepted: {}, troubles: {}, removed: 0, kept: 0 };
const devices = Array.from({ length: DEVICES }, (_, n) => ({
  user: `user${n}`,
  token: (n + 1).toString(16).padStart(64, '0'),
  busy: false,
  registered: false,
  /** Has the next event only when it has been told of this one, so that each of its events is accounted for. */
  isPatient: n % 2 === 0,
  tried: 0,
}));
const users = devices.map(({ user }) => user);
const host = await createHost({ dir, disk, apple, certificate: join(dir, 'mail.pem'), users });
let over = false;

async function run() {
  try {
    host.start();
    await Promise.all(devices.map(registerFirst));
    const watched = watchUsage(host, Number(minutes) * MINUTE_MS);
    const looking = setInterval(watched.look, LOOK_EVERY_MS);
    const isOver = () => over;
    const events = keepTelling();
    const troubles = keepTroubling({ host, apple, certificate, disk, devices, tally, isOver });
    await pause(Number(minutes) * MINUTE_MS);
    over = true;
    await Promise.all([events, troubles]);
    await settle();
    clearInterval(looking);
    const holds = await accountOf({ apple, host, devices, tally, watched, minutes: Number(minutes) });
    if (holds) return;
    process.exitCode = 1;
    host.keepLog(`${dir}.log`);
    process.stdout.write(`the log: ${dir}.log\n`);
  } finally {
    await host.end('SIGKILL');
    host.close();
    await host.stopCyrus();
    await apple.close();
    disk.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function registerFirst(device) {
  while (!(await register(device))) await pause(200);
}

/** Once the store has it, which is later where it was taken into the spool. Gives whether it was accepted. */
async function register(device) {
  apple.finds(device.token);
  device.tried += 1;
  const beganMs = Date.now();
  if (!(await host.ways.dlist(registrationOf(device)))) return false;
  Object.assign(device, { registered: true, sinceMs: beganMs });
  for (const endMs = Date.now() + SETTLING_MS; Date.now() < endMs && !(await isKnown(device));)
    await pause(1000);
  return true;
}

async function isKnown({ user }) {
  const targets = await host.list('targets', 'list', '--user', user);
  return targets !== undefined && targets.length > 0;
}

async function keepTelling() {
  const under = new Set();
  while (!over) {
    const one = tellOne().finally(() => under.delete(one));
    under.add(one);
    await pause(EVENT_EVERY_MS);
    if (under.size > MAX_UNDER_WAY) await Promise.race(under);
  }
  await Promise.all(under);
}

/** One event at a time for a device, so that it is known which is its latest. */
async function tellOne() {
  const device = devices[Math.floor(Math.random() * DEVICES)];
  if (device.busy) return;
  device.busy = true;
  try {
    if ((apple.goneMs.get(device.token) ?? 0) >= device.sinceMs) await registerAgain(device);
    else if (!device.isPatient || !isOwed(device)) await tell(device, wayIn());
  } finally {
    device.busy = false;
  }
}

function isOwed({ token, latest }) {
  const lastMs = Math.max(apple.toldMs.get(token) ?? 0, apple.goneMs.get(token) ?? 0);
  return latest !== undefined && lastMs < latest.beganMs;
}

/** What Apple calls gone registers again, as phones do. */
async function registerAgain(device) {
  if (device.registered) tally[(await isKnown(device)) ? 'kept' : 'removed'] += 1;
  device.registered = false;
  await register(device);
}

function wayIn() {
  const chance = Math.random();
  if (chance < 0.02) return 'handle';
  if (chance < 0.15) return 'spool';
  if (chance < 0.25 && host.ways.cyrus !== undefined) return 'cyrus';
  return chance < 0.4 ? 'http' : 'dlist';
}

async function tell(device, way) {
  const beganMs = Date.now();
  device.tried += 1;
  const accepted = await host.ways[way](messageFor(device), device.user);
  const counts = accepted ? tally.accepted : tally.notAccepted;
  counts[way] = (counts[way] ?? 0) + 1;
  if (accepted) device.latest = { way, beganMs };
}

/** All is well again, and everything that waits is tried. */
async function settle() {
  for (const endMs = Date.now() + SETTLING_MS; Date.now() < endMs;) {
    await pause(5000);
    await host.retry();
    const waiting = await host.list('outbox', 'list');
    if (waiting?.length === 0 && host.waitingFiles() === 0) return;
  }
}

function registrationOf({ user, token }) {
  return JSON.stringify({
    ...{ event: 'ApplePushService', user, apsVersion: 2, apsSubtopic: 'com.apple.mobilemail' },
    ...{ apsAccountId: '0715A26B-CA09-4730-A419-793000CA982E', apsDeviceToken: token },
    mailboxes: ['INBOX'],
  });
}

function messageFor({ user }) {
  const uri = `imap://mail.example.org/user/${user};UIDVALIDITY=1700000000/;UID=1`;
  return JSON.stringify({ event: 'MessageNew', uri, user: '', 'vnd.cmu.mbtype': 'e' });
}

await run();
