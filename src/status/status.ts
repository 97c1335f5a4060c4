import { existsSync, statSync } from 'node:fs';
import type { Clock } from '../process/clock.ts';
import { type Config, configuredDoors } from '../config/config.ts';
import { openConfigured } from '../store/configured.ts';
import type { ClosedDoor } from '../store/presence.ts';
import type { Host } from '../store/shared.ts';
import type { Store } from '../store/store.ts';
import type { Device, Serve, TargetSummary, WaitingSummary } from '../store/summary.ts';
import { messageOf } from '../process/errors.ts';
import { lookAtSpool, type SpoolState } from '../spool/state.ts';
import { redactToken } from '../process/redact.ts';
import { isDeadOwner, isOfThisHost } from '../delivery/lease.ts';
import { doorbellOf } from '../delivery/ring.ts';
import { whoAnswers } from '../delivery/wake.ts';
import { type Certificate, certificatesOf, credentialTrouble } from './certificates.ts';
import type { Finding } from './finding.ts';
import { lookAtWayIn } from './obstacles.ts';
import { DAY_MS, ratesOf } from './rates.ts';
import { keptHistory } from '../history/kept.ts';
import { type ServicesLook, servicesOf } from './services.ts';

/** What there is to know before one can say whether it works. Times are milliseconds since the epoch, tokens redacted. */
export interface Status {
  nowMs: number;
  /** `renewed` is within a day: a phone in use registers about daily. */
  targets: Omit<TargetSummary, 'serves'> & {
    /** Whether there was ever one. */
    ever: boolean;
    served: Served | undefined;
    deliverer: Deliverer | undefined;
  };
  rates: Awaited<ReturnType<typeof ratesOf>>;
  waiting: WaitingSummary;
  spool: SpoolLook;
  certificates: Certificate[];
  /** Why nothing can be sent with the main credential, and the fix; undefined where it can. */
  credentialTrouble: { text: string; fix: string } | undefined;
  /** The configured doors that only a `serve` opens. */
  doors: string[];
  /** Those of them without which nobody tells of mail. */
  neededDoors: string[];
  /** What keeps mail from coming in. */
  obstacles: Finding[];
  disableAfterMs: number;
  /** Other push services; absent where none is switched on. */
  services?: ServicesLook | undefined;
  /** What opens the store, where it is a file. */
  driver?: Store['driver'] | undefined;
  /** Those that share the store, where hosts do: then only a `serve` of this host takes its events. */
  hosts?: Host[];
}

/** Or why it cannot be looked at. */
export type SpoolLook = SpoolState | { trouble: string };

/** Those `serve`s that run on this store. */
export interface Served {
  /** When the process of the one that runs for longest began; undefined where the database cannot tell. */
  sinceMs: number | undefined;
  /** What of theirs is no longer what lies there. */
  outdated: string[];
  /** Their doors that are not open as configured. */
  closed: ClosedDoor[];
}

/** One that an event has started, and which ends when nothing has come for a while. */
export interface Deliverer {
  sinceMs: number;
  /** False where configuration or program have changed since, and it makes way. */
  isCurrent: boolean;
}

/** How long a look waits for a database that is locked: no transaction of ours takes so long. */
const BUSY_TIMEOUT_MS = 2000;

/** Looks at store, history, spool, credentials and what the mail server needs; changes nothing. Throws StoreError. */
export async function statusOf(
  config: Config,
  clock: Clock,
  busyTimeoutMs = BUSY_TIMEOUT_MS,
): Promise<Status> {
  const nowMs = clock.nowMs();
  const store = await openConfigured(config, { create: false, busyTimeoutMs });
  try {
    const targets = await targetsOf(store, config, nowMs);
    return {
      nowMs,
      targets,
      rates: await ratesOf(keptHistory(config, store), config, nowMs),
      ...(await lookAtWayIn(config, store, targets)),
      waiting: withoutToken(await store.summariseWaiting(nowMs)),
      spool: spoolOf(config),
      certificates: certificatesOf(config, nowMs),
      credentialTrouble: credentialTrouble(config, nowMs),
      doors: configuredDoors(config.serve),
      disableAfterMs: config.targets.disableAfterMs,
      services: await servicesOf(config, store, nowMs),
      ...(store.shared === undefined ? { driver: store.driver } : { hosts: await store.shared.hosts() }),
    };
  } finally {
    store.close();
  }
}

/** A `serve` that cannot write to the database cannot say there that it runs; a deliverer does not. */
async function targetsOf(store: Store, config: Config, nowMs: number): Promise<Status['targets']> {
  const found = await store.summariseTargets(nowMs - DAY_MS, nowMs);
  const isOurs = ({ owner }: Serve): boolean => config.postgres === undefined || isOfThisHost(owner);
  const summary = withoutTokens({ ...found, serves: found.serves.filter(isOurs) });
  const targets = { ...summary, ever: await store.everHadTargets() };
  if (targets.served !== undefined) return targets;
  const who = await whoAnswers(config.control);
  if (who === 'serve') return { ...targets, served: { sinceMs: undefined, outdated: [], closed: [] } };
  return who === undefined ? targets : { ...targets, deliverer: delivererOf(config) };
}

/** Its control socket is as old as it is. Undefined where it has ended meanwhile. */
function delivererOf({ control, edition }: Config): Deliverer | undefined {
  const socket = statSync(control, { throwIfNoEntry: false });
  if (socket === undefined) return undefined;
  return { sinceMs: Math.floor(socket.mtimeMs), isCurrent: existsSync(doorbellOf(control, edition)) };
}

/** Undefined where none runs. One that was killed has not withdrawn, and does not count where its end can be seen. */
export function servedBy(serves: readonly Serve[]): Served | undefined {
  const alive = serves.filter(({ owner }) => !isDeadOwner(owner));
  const [first] = alive;
  if (first === undefined) return undefined;
  return {
    sinceMs: first.sinceMs,
    outdated: [...new Set(alive.flatMap(({ outdated }) => outdated ?? []))],
    closed: alive.flatMap(({ closed }) => closed),
  };
}

function withoutTokens({
  lastSuccess,
  lastFailure,
  serves,
  ...targets
}: TargetSummary): Omit<Status['targets'], 'ever'> {
  return {
    ...targets,
    served: servedBy(serves),
    deliverer: undefined,
    lastSuccess: lastSuccess && {
      ...lastSuccess,
      device: lastSuccess.device && redacted(lastSuccess.device),
    },
    lastFailure: lastFailure && { ...lastFailure, device: redacted(lastFailure.device) },
  };
}

function withoutToken({ oldest, ...waiting }: WaitingSummary): WaitingSummary {
  return { ...waiting, oldest: oldest && redacted(oldest) };
}

function redacted<D extends Device>(device: D): D {
  return { ...device, deviceToken: redactToken(device.deviceToken) };
}

export function spoolOf({ spool }: Pick<Config, 'spool'>): SpoolLook {
  try {
    return lookAtSpool(spool);
  } catch (error) {
    return { trouble: messageOf(error) };
  }
}
