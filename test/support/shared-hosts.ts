import { mkdirSync, writeFileSync } from 'node:fs';
import { systemClock } from '../../src/process/clock.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import type { Store } from '../../src/store/store.ts';
import { configFor, type TestApns } from './apns.ts';
import { createSandbox, type Sandbox } from './command.ts';
import { messageNew, tokenNumber } from './events.ts';
import { newTarget, subscription } from './store.ts';
import { writeSpool } from '../../src/spool/spool.ts';

/** A host of a store that several share: its own configuration, spool and history. */
export function createSharedHost(apns: TestApns, url: string, more = ''): Sandbox {
  const sandbox = createSandbox('');
  const { dir, spool, configFile } = sandbox;
  const places = `store: ${url}\nstate: ${dir}/state\nspool: ${spool}\nimapd_conf: ${dir}/imapd.conf\n`;
  mkdirSync(`${dir}/state`);
  const log = `log: { destination: ${dir}/log }\n`;
  writeFileSync(configFile, `${configFor(apns)}${places}${log}${more}`);
  return sandbox;
}

/** Registers a phone of each user from `user1` on; gives the store, which the caller closes. */
export async function withUsers(url: string, users: number, topic: string): Promise<Store> {
  const store = openPostgres({ url }, { create: true });
  const nowMs = systemClock.nowMs();
  await Promise.all(
    Array.from({ length: users }, (_, index) => {
      const user = userNumber(index);
      const target = newTarget({
        ...{ user, topic, deviceToken: tokenNumber(index) },
        subscriptions: [subscription('INBOX', user)],
      });
      return store.register(target, { nowMs, maxPerUser: 20 });
    }),
  );
  return store;
}

export function userNumber(index: number): string {
  return `user${index + 1}`;
}

/** As a handler leaves it: new mail of that user, in the spool of that host. */
export function leaveMail({ spool }: Pick<Sandbox, 'spool'>, index: number): void {
  writeSpool(spool, Buffer.from(messageNew(userNumber(index))), systemClock.nowMs());
}
