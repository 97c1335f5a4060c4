// How long after LMTP's 250 a push is with Apple, with a real Cyrus: notifyd that starts the command, and `serve` on the
// dlist socket. Needs root and an installed Cyrus, as the tests do.
import { median, pause } from './numbers.mjs';
import './typescript.mjs';

const MESSAGES = 15;
const TOKEN = '80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a';

export async function latency() {
  const { cyrusAvailability } = await import('../support/cyrus-installation.ts');
  const found = cyrusAvailability();
  if (!found.available) return [row('a real Cyrus', `not measured: ${found.why}`)];
  const { createCyrusHost } = await import('../support/cyrus-host.ts');
  const { createServingHost } = await import('../support/cyrus-serve.ts');
  const exec = await withHost(await createCyrusHost('{ linger: 1s }'), (host) => host.start(['alice']));
  const dlist = await withHost(await createServingHost(), async (host) => {
    await host.serve();
    return host.start(['alice'], { notifysocket: host.notifySocket });
  });
  return [
    row('from LMTP 250 to Apple, exec (notifyd, a process an event)', exec, 'process starts, TLS handshake'),
    row('from LMTP 250 to Apple, dlist (serve)', dlist, 'fsync, one round trip to Apple'),
  ];
}

function row(what, raw, limit = '') {
  return { what, goal: 'reported', raw, limit };
}

async function withHost(host, start) {
  try {
    const cyrus = await start(host);
    try {
      return await measured(host, cyrus);
    } finally {
      await cyrus.stop();
    }
  } finally {
    await host.close();
  }
}

async function measured({ apns }, cyrus) {
  const { loginImap } = await import('../support/imap.ts');
  const { phone } = await import('../support/cyrus-serve.ts');
  const imap = await loginImap(cyrus, 'alice');
  await imap.registerDevice(phone(TOKEN, ['INBOX']));
  await imap.close();
  const afterMs = [];
  const deliveryMs = [];
  for (let n = 0; n < MESSAGES; n += 1) {
    const { pushMs, tookMs } = await oneMessage(apns, cyrus);
    afterMs.push(pushMs);
    deliveryMs.push(tookMs);
  }
  const [least, most] = [Math.min(...afterMs), Math.max(...afterMs)].map(Math.round);
  const middle = Math.round(median(afterMs));
  return `${middle} ms (${least} to ${most}); LMTP took ${Math.round(median(deliveryMs))} ms; ${MESSAGES} messages`;
}

/** A push may be there before the 250: then its time is negative. */
async function oneMessage(apns, cyrus) {
  const { deliver } = await import('../support/lmtp.ts');
  const { message } = await import('../support/cyrus-host.ts');
  const before = apns.received.length;
  const [{ code, tookMs }] = await deliver(cyrus.lmtpPort, 'bob@example.net', ['alice'], message('bench'));
  const answeredMs = Date.now();
  if (code !== 250) throw new Error(`LMTP answered ${code}`);
  const pushes = await apns.pushes(before + 1);
  await pause(GAP_MS);
  return { pushMs: pushes[before].atMs - answeredMs, tookMs };
}

/** Longer than the host's linger and throttle: every message meets the same state. */
const GAP_MS = 2500;
