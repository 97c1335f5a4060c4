// A year in service, in as many minutes as --minutes says: events by every way in, while `serve` is reloaded, stopped and
// killed, the certificate changes, Apple is in all moods and the clock jumps. Ends with an account: every device whose
// latest event was accepted has been told after it, or its push waits with a reason. Exit code 1 where that is not so.
// Real processes on the loopback; needs the built program. Stops by itself, and ends only what it has started.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pause } from './numbers.mjs';
import { accountOf } from './soak-account.mjs';
import { certificates, MOODS, startApple } from './soak-apple.mjs';
import { createHost } from './soak-host.mjs';

const DEVICES = 40;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Together far less than delivery.give_up, after which a push may be dropped. */
const JUMPS_MS = [0, 0, HOUR_MS, -HOUR_MS, 6 * HOUR_MS, -6 * HOUR_MS];

const EVENT_EVERY_MS = 60;
const MAX_UNDER_WAY = 8;
const TROUBLE_EVERY_MS = 4000;
const SETTLING_MS = 2 * MINUTE_MS;

const { minutes } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } }).values;
if (!(Number(minutes) > 0)) throw new Error(`--minutes ${minutes}: expected a number of minutes`);

const dir = mkdtempSync(join(tmpdir(), 'xapplepush-soak-'));
const apple = await startApple(join(dir, 'apple'));
const certificate = certificates(apple.mock, join(dir, 'mail.pem'));
const host = await createHost(dir, apple.mock, join(dir, 'mail.pem'));
const tally = { accepted: {}, notAccepted: {}, troubles: {} };
const devices = Array.from({ length: DEVICES }, (_, n) => ({
  user: `user${n}`,
  token: tokenOf(n),
  busy: false,
  registered: false,
}));
const peaks = {};
let over = false;

async function run() {
  try {
    host.start();
    await registerAll();
    const [events, troubles] = [keepTelling(), keepTroubling()];
    await pause(Number(minutes) * MINUTE_MS);
    over = true;
    await Promise.all([events, troubles]);
    await settle();
    const balanced = await accountOf({ apple, host, devices, tally, peaks });
    process.exitCode = balanced ? 0 : 1;
  } finally {
    await host.end('SIGKILL');
    host.close();
    await apple.mock.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function registerAll() {
  for (const device of devices) while (!(await register(device))) await pause(200);
}

async function register(device) {
  device.registered = await host.ways.dlist(registrationOf(device));
  if (device.registered) device.sinceMs = Date.now();
  return device.registered;
}

async function keepTelling() {
  const under = new Set();
  while (!over) {
    const one = tellOne().finally(() => under.delete(one));
    under.add(one);
    await pause(EVENT_EVERY_MS);
    if (under.size > MAX_UNDER_WAY) await Promise.race(under);
    watch();
  }
  await Promise.all(under);
}

/** One event at a time for a device, so that it is known which is its latest. */
async function tellOne() {
  const device = devices[Math.floor(Math.random() * DEVICES)];
  if (device.busy) return;
  device.busy = true;
  try {
    // What Apple calls gone registers again, as phones do.
    if ((apple.goneMs.get(device.token) ?? 0) >= (device.sinceMs ?? 0)) device.registered = false;
    if (!device.registered && !(await register(device))) return;
    await tell(device, wayIn());
  } finally {
    device.busy = false;
  }
}

function wayIn() {
  const chance = Math.random();
  if (chance < 0.02) return 'handle';
  if (chance < 0.15) return 'spool';
  return chance < 0.4 ? 'http' : 'dlist';
}

async function tell(device, way) {
  const beganMs = Date.now();
  const accepted = await host.ways[way](messageFor(device));
  const counts = accepted ? tally.accepted : tally.notAccepted;
  counts[way] = (counts[way] ?? 0) + 1;
  if (accepted) device.latest = { way, beganMs };
}

const TROUBLES = {
  reload: () => host.serve.kill('SIGHUP'),
  restart: async () => {
    await host.end('SIGTERM');
    host.start();
  },
  'kill -9': async () => {
    await host.end('SIGKILL');
    host.start();
  },
  mood: () => apple.mood(pick(MOODS)),
  'all is well': () => apple.mood('200'),
  'device gone': () => apple.loses(pick(devices).token),
  certificate: () => certificate.put(pick(certificate.states)),
  'clock jumps': () => host.clock(pick(JUMPS_MS)),
};

async function keepTroubling() {
  for (let n = 0; !over; n += 1) {
    const name = pick(Object.keys(TROUBLES));
    await TROUBLES[name]();
    tally.troubles[name] = (tally.troubles[name] ?? 0) + 1;
    // From time to time pushes get through, so that what waits does not only grow.
    if (n % 6 === 5) certificate.put('good');
    for (const endMs = Date.now() + TROUBLE_EVERY_MS; !over && Date.now() < endMs;) await pause(200);
    if (host.serve.exitCode !== null || host.serve.signalCode !== null) host.start();
  }
}

/** All is well again, and everything that waits is tried. */
async function settle() {
  await apple.mood('200');
  certificate.put('good');
  host.clock(0);
  if (host.serve.exitCode !== null) host.start();
  for (const endMs = Date.now() + SETTLING_MS; Date.now() < endMs;) {
    await pause(5000);
    watch();
    await host.run(['outbox', 'retry', '--all']);
    if (host.waitingFiles() === 0 && (await waiting()) === 0) return;
  }
}

async function waiting() {
  const { code, out } = await host.run(['outbox', 'list', '--json']);
  return code === 0 ? JSON.parse(out).length : undefined;
}

function watch() {
  for (const [name, value] of Object.entries(host.usage())) peaks[name] = Math.max(peaks[name] ?? 0, value);
}

function pick(list) {
  return list[Math.floor(Math.random() * list.length)];
}

function tokenOf(n) {
  return (n + 1).toString(16).padStart(64, '0');
}

function registrationOf({ user, token }) {
  const ids = { apsAccountId: '0715A26B-CA09-4730-A419-793000CA982E', apsDeviceToken: token };
  return JSON.stringify({
    event: 'ApplePushService',
    user,
    apsVersion: 2,
    ...ids,
    apsSubtopic: 'com.apple.mobilemail',
    mailboxes: ['INBOX'],
  });
}

function messageFor({ user }) {
  const uri = `imap://mail.example.org/user/${user};UIDVALIDITY=1700000000/;UID=1`;
  return JSON.stringify({ event: 'MessageNew', uri, user: '', 'vnd.cmu.mbtype': 'e' });
}

await run();
