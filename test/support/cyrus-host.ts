import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configFor, startTestApns, type TestApns } from './apns.ts';
import { createSandbox, eventually, type Sandbox } from './command.ts';
import { type Cyrus, startCyrus } from './cyrus.ts';
import { installProgram } from './installation.ts';
import { deliver } from './lmtp.ts';

/** A host with the installed program, its configuration and a stand-in for Apple, all usable by user cyrus. */
export interface CyrusHost {
  apns: TestApns;
  sandbox: Sandbox;
  /** Starts a Cyrus that has the program as notify_external; its imapd.conf is the one that is configured. */
  start(users: readonly string[], namespace?: Record<string, string>, withHttpd?: boolean): Promise<Cyrus>;
  /** Returns when every event so far is handled and every push is sent: notifyd keeps the order. */
  settled(cyrus: Cyrus): Promise<void>;
  close(): Promise<void>;
}

/** Has no device: a delivery to it marks the end of what was before. */
const SENTINEL = 'sentinel';

/** `delivery` is the value of that key of the configuration. */
export async function createCyrusHost(delivery: string): Promise<CyrusHost> {
  const apns = await startTestApns();
  const sandbox = createSandbox(configFor(apns), 'xapplepush-e2e-');
  const log = join(sandbox.dir, 'log');
  const yaml = readFileSync(sandbox.configFile, 'utf8');
  writeFileSync(
    sandbox.configFile,
    `${yaml}delivery: ${delivery}\nlog: { level: debug, destination: ${log} }\n`,
  );
  const program = installProgram(join(sandbox.dir, 'program'));
  for (const dir of [sandbox.dir, apns.dir]) giveToCyrus(dir);
  return {
    apns,
    sandbox,
    start: async (users, namespace = {}, withHttpd = false) => {
      const environment = { XAPPLEPUSH_CONFIG: sandbox.configFile, XAPPLEPUSH_NODE: process.execPath };
      const options = { notifyExternal: program, apsTopic: apns.topic, namespace, environment, withHttpd };
      const cyrus = await startCyrus({ ...options, users: [...users, SENTINEL] });
      writeFileSync(join(sandbox.dir, 'imapd.conf'), readFileSync(cyrus.imapdConf));
      return cyrus;
    },
    settled: async (cyrus) => {
      const seen = (): number => readFileSync(log, 'utf8').split(`${SENTINEL}:INBOX`).length;
      const before = seen();
      await deliver(cyrus.lmtpPort, 'bob@example.net', [SENTINEL], message('sentinel'));
      await eventually(seen, (count) => count > before);
      await eventually(
        () => sandbox.deliverers(),
        (pids) => pids.length === 0,
      );
    },
    close: async () => {
      sandbox.remove();
      await apns.close();
    },
  };
}

let messages = 0;

/** A message that no delivery before was the same as. */
export function message(subject: string): string {
  messages += 1;
  const headers = [
    'From: bob@example.net',
    'To: someone@example.org',
    `Subject: ${subject}`,
    `Message-ID: <${messages}.${process.pid}@example.net>`,
  ];
  return `${headers.join('\r\n')}\r\n\r\nhello\r\n`;
}

function giveToCyrus(dir: string): void {
  execFileSync('chown', ['-R', 'cyrus:mail', dir]);
  chmodSync(dir, 0o755);
}
