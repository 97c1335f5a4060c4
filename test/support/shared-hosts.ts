import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

/** Whether nothing lies there that is to be taken, or is being taken. */
export function isSpoolEmpty({ spool }: Pick<Sandbox, 'spool'>): boolean {
  return TAKEN_FROM.every((folder) => readdirSync(join(spool, folder)).length === 0);
}

/** The devices of whose events that host's spool has the files, read half or not at all. */
export function devicesLeft({ spool }: Pick<Sandbox, 'spool'>): string[] {
  const texts = TAKEN_FROM.flatMap((folder) =>
    readdirSync(join(spool, folder)).map((name) => textOf(join(spool, folder, name))),
  );
  return texts.map((text) => tokenNumber(Number(/user(\d+)/.exec(text)?.[1]) - 1));
}

const TAKEN_FROM = ['new', 'cur'];

/** '' where its reader has just removed it. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** What the log of that host says that Apple took from it. */
export function deliveredBy({ dir }: Pick<Sandbox, 'dir'>): number {
  return readFileSync(join(dir, 'log'), 'utf8').split('"msg":"delivered to Apple"').length - 1;
}

/** The apns-ids under which each device was told. */
export function idsOf(pushes: TestApns['received']): Map<string, Set<string>> {
  const ids = new Map<string, Set<string>>();
  for (const { deviceToken, apnsId } of pushes)
    ids.set(deviceToken, (ids.get(deviceToken) ?? new Set()).add(apnsId));
  return ids;
}

/** Of those, the devices that were told under more than one. */
export function toldAgain(ids: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  return [...ids].filter(([, each]) => each.size > 1).map(([token]) => token);
}
