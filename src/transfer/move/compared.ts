import type { Store } from '../../store/store.ts';
import type { WholeTarget } from '../../targets/record.ts';
import { kindOf } from '../../targets/kind.ts';
import { exportedTargets } from '../export.ts';
import { compareServices, type ComparedServices } from './services.ts';

export interface Count {
  /** In the store that is left. */
  here: number;
  /** Of these, in the other one. */
  there: number;
}

export interface Compared extends ComparedServices {
  devices: Count;
  /** Mailboxes of devices. */
  subscriptions: Count;
  /** What came, also where it has been sent since. */
  pushes: Count;
  credentials: Count;
  /** Entries of the history; absent where both stores keep it alike. */
  history?: Count;
}

/** Looks for all that the one store has in the other, which may have more. */
export async function compare(source: Store, target: Store, id: string): Promise<Compared> {
  const [here, there] = [await source.keptCredentials(), await target.keptCredentials()];
  const names = new Set(there.achieved.map(nameOf));
  return {
    ...(await compareDevices(source, target)),
    pushes: {
      here: (await source.countRows()).waiting,
      there: (await target.arrival(id))?.pushes ?? 0,
    },
    credentials: {
      here: here.achieved.length,
      there: here.achieved.filter((each) => names.has(nameOf(each))).length,
    },
    ...(await compareServices(source, target, id)),
  };
}

function nameOf({ fingerprint, server }: { fingerprint: string; server: string }): string {
  return `${fingerprint} ${server}`;
}

/** Both give them in one order, and those of one phone together. */
async function compareDevices(
  source: Store,
  target: Store,
): Promise<Pick<Compared, 'devices' | 'subscriptions'>> {
  const devices = { here: 0, there: 0 };
  const subscriptions = { here: 0, there: 0 };
  const others = eachPhone(target);
  let other = await others.next();
  for await (const phone of eachPhone(source)) {
    while (other.done !== true && order(other.value, phone) < 0) other = await others.next();
    const there = other.done !== true && order(other.value, phone) === 0 ? other.value : [];
    for (const device of phone) {
      devices.here += 1;
      subscriptions.here += device.subscriptions.length;
      const same = there.find((each) => standsFor(each, device));
      if (same === undefined) continue;
      const known = new Set(same.subscriptions.map(mailboxOf));
      devices.there += 1;
      subscriptions.there += device.subscriptions.filter((one) => known.has(mailboxOf(one))).length;
    }
  }
  return { devices, subscriptions };
}

/** The devices of one user with one token. */
type Phone = [WholeTarget, ...WholeTarget[]];

async function* eachPhone(store: Store): AsyncGenerator<Phone> {
  let phone: Phone | undefined;
  for await (const page of exportedTargets(store))
    for (const device of page) {
      if (phone !== undefined && order(phone, [device]) === 0) phone.push(device);
      else {
        if (phone !== undefined) yield phone;
        phone = [device];
      }
    }
  if (phone !== undefined) yield phone;
}

/** As both databases compare text: by its bytes. */
function order([one]: Phone, [other]: Phone): number {
  return (
    Buffer.compare(Buffer.from(one.user), Buffer.from(other.user)) ||
    Buffer.compare(Buffer.from(one.deviceToken), Buffer.from(other.deviceToken))
  );
}

/** It is the same, or what it has registered as since. */
function standsFor(there: WholeTarget, device: WholeTarget): boolean {
  if (there.accountId === device.accountId) return true;
  return (
    kindOf(there) === 'mail' && there.subtopic === device.subtopic && there.renewedMs >= device.renewedMs
  );
}

function mailboxOf({ owner, path }: { owner: string; path: string }): string {
  return JSON.stringify([owner, path]);
}
