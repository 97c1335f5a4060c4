import type { Store } from '../../store/store.ts';
import type { WholeTarget } from '../../targets/record.ts';
import { exportedTargets } from '../export.ts';

export interface Count {
  /** In the store that is left. */
  here: number;
  /** Of these, in the other one. */
  there: number;
}

export interface Compared {
  devices: Count;
  /** Mailboxes of devices. */
  subscriptions: Count;
  /** What came, also where it has been sent since. */
  pushes: Count;
  credentials: Count;
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
  };
}

function nameOf({ fingerprint, server }: { fingerprint: string; server: string }): string {
  return `${fingerprint} ${server}`;
}

/** Both give them in one order. */
async function compareDevices(
  source: Store,
  target: Store,
): Promise<Pick<Compared, 'devices' | 'subscriptions'>> {
  const devices = { here: 0, there: 0 };
  const subscriptions = { here: 0, there: 0 };
  const others = each(target);
  let other = await others.next();
  for await (const device of each(source)) {
    while (other.done !== true && isBefore(other.value, device)) other = await others.next();
    devices.here += 1;
    subscriptions.here += device.subscriptions.length;
    if (other.done === true || isBefore(device, other.value)) continue;
    const known = new Set(other.value.subscriptions.map(mailboxOf));
    devices.there += 1;
    subscriptions.there += device.subscriptions.filter((one) => known.has(mailboxOf(one))).length;
  }
  return { devices, subscriptions };
}

async function* each(store: Store): AsyncGenerator<WholeTarget> {
  for await (const page of exportedTargets(store)) yield* page;
}

/** As both databases compare text: by its bytes. */
function isBefore(one: WholeTarget, other: WholeTarget): boolean {
  return (
    (Buffer.compare(Buffer.from(one.user), Buffer.from(other.user)) ||
      Buffer.compare(Buffer.from(one.deviceToken), Buffer.from(other.deviceToken)) ||
      Buffer.compare(Buffer.from(one.accountId), Buffer.from(other.accountId))) < 0
  );
}

function mailboxOf({ owner, path }: { owner: string; path: string }): string {
  return JSON.stringify([owner, path]);
}
