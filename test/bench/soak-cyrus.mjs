// A real Cyrus for the soak, where one may be started: mail comes by LMTP, and notifyd runs xapplepush-spool for each
// event. What the program made of it is noted in a file, since Cyrus says nothing of it to whoever delivers.
import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from './numbers.mjs';
import './typescript.mjs';

const { cyrusAvailability, startCyrus } = await import('../support/cyrus.ts');
const { cyrusInstallation } = await import('../support/cyrus-installation.ts');
const { installProgram } = await import('../support/installation.ts');
const { deliver } = await import('../support/lmtp.ts');

/** notifyd runs one program after the other, on a machine that has much else to do. */
const NOTED_TIMEOUT_MS = 60_000;
const LOOK_EVERY_MS = 20;

/** Undefined, and told on standard error, where no Cyrus can be started. Events go into `spool`, which becomes Cyrus's. */
export async function startRealCyrus(dir, { spool, users, topic }) {
  const { available, why } = cyrusAvailability();
  if (!available) {
    process.stderr.write(`no mail by Cyrus: ${why}\n`);
    return undefined;
  }
  const { uid, gid } = cyrusInstallation();
  const give = (path) => chownSync(path, uid, gid);
  mkdirSync(dir, { mode: 0o755 });
  const noted = join(dir, 'noted');
  const program = join(dir, 'take');
  writeFileSync(noted, '');
  writeFileSync(program, takeAndNote(installProgram(join(dir, 'program')), spool, noted), { mode: 0o755 });
  chmodSync(program, 0o755);
  [noted, spool, join(spool, 'tmp'), join(spool, 'new')].forEach(give);
  const cyrus = await startCyrus({ notifyExternal: program, apsTopic: topic, users, environment: {} });
  return {
    /** Delivers one message. Gives the exit code of xapplepush-spool and what it said; throws where Cyrus told nobody. */
    deliver: async (user) => {
      const before = readFileSync(noted).length;
      const [{ code, text }] = await deliver(cyrus.lmtpPort, 'bob@example.net', [user], messageTo(user));
      if (code !== 250) throw new Error(`LMTP: ${code} ${text}`);
      for (const endMs = Date.now() + NOTED_TIMEOUT_MS; Date.now() < endMs; await pause(LOOK_EVERY_MS)) {
        const found = noteOf(readFileSync(noted).subarray(before).toString(), user);
        if (found !== undefined) return found;
      }
      throw new Error(`Cyrus told nobody of a message to ${user} within ${NOTED_TIMEOUT_MS} ms`);
    },
    stop: () => cyrus.stop(),
  };
}

/** A program for notify_external; each of its lines is written at once. */
function takeAndNote(command, spool, noted) {
  return `#!/bin/sh
export XAPPLEPUSH_SPOOL='${spool}'
event=$(cat)
said=$(printf '%s\\n' "$event" | '${command}-spool' "$@" 2>&1)
printf '%s\\t%s\\t%s\\n' "$?" "$said" "$event" >>'${noted}'
`;
}

function noteOf(lines, user) {
  const line = lines.split('\n').find((one) => one.includes('"MessageNew"') && one.includes(`user/${user};`));
  if (line === undefined) return undefined;
  const [code, said] = line.split('\t');
  return { code: Number(code), said };
}

function messageTo(user) {
  const headers = [
    'From: bob@example.net',
    `To: ${user}@example.org`,
    `Message-ID: <${randomUUID()}@example.net>`,
  ];
  return `${headers.join('\r\n')}\r\n\r\nhello\r\n`;
}
