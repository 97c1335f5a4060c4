import type { Credential } from '../apns/credentials/credentials.ts';
import type { Config } from '../config/config.ts';
import { messageOf } from '../process/errors.ts';
import { ownerToBecome } from '../process/identity.ts';
import { enabledServices } from '../services/enabled.ts';
import type { Store } from '../store/store.ts';
import type { TargetSummary } from '../store/summary.ts';
import { checkApple, OF_APPLE, pointsTo } from './apple.ts';
import { checkAs } from './as-owner.ts';
import { judgeTimes } from './clock.ts';
import { checkDeliverer, DELIVERER } from './deliverer.ts';
import { checkFlush, FLUSH } from './flush.ts';
import { isOfThisHost } from '../delivery/lease.ts';
import { MAIL_USER } from './mail-user.ts';
import type { CheckOptions } from './options.ts';
import { checkOutbox, OUTBOX } from './outbox.ts';
import { type Point, problem, skipped, skippedAll } from './point.ts';
import { checkServices, OF_SERVICES } from './services.ts';
import { checkSpool, SPOOL } from './spool.ts';
import { checkDatabase, DATABASE } from './store.ts';
import type { Sections, Subject } from './subject.ts';
import { checkTargets, TARGETS } from './targets.ts';

/** The names of the points. */
const OF_STORE = [DATABASE, OUTBOX, SPOOL];
const OF_DEVICES = [TARGETS, DELIVERER, FLUSH];
export const AS_OWNER = [...OF_STORE, ...OF_APPLE, ...OF_DEVICES];

/** What is judged as the owner of the database. */
export interface OwnersPart {
  config: Config;
  /** Tried as the mail server's user already. */
  folders: readonly Point[];
  credentials: readonly Credential[] | undefined;
  cyrusConf: string | undefined;
  /** False for an ordinary user, who may not look at that file. */
  isForUs: (path: string) => boolean;
}

/** By another process, which is the owner, where this one cannot change its user. */
export async function checkAsOwner(
  part: OwnersPart,
  sections: Sections,
  options: CheckOptions,
): Promise<void> {
  const owner = options.canChangeUser() ? undefined : ownerToBecome(part.config.store);
  if (owner === undefined) return checkOwnersPart(part, sections, options);
  const ofApple = pointsTo(part.config.apns);
  const points = checkAs(owner, {
    names: [...OF_STORE, ...ofApple, ...OF_DEVICES],
    configFile: options.configFile,
  });
  const of = (names: readonly string[]): Point[] =>
    points.filter(({ point }) => names.some((name) => point === name || point.startsWith(`${name} `)));
  const [store, apple, services] = [of(OF_STORE), of(ofApple), of(OF_SERVICES)];
  await sections.add('Database and spool', () => [...part.folders, ...store]);
  await sections.add('Apple', () => apple);
  if (services.length > 0) await sections.add(SERVICES, () => services);
  await sections.add('Devices and pushes', () =>
    points.filter((each) => ![store, apple, services].some((told) => told.includes(each))),
  );
}

const SERVICES = 'Other push services' satisfies Subject;

function hasServices(config: Config): boolean {
  return config.serve.dict !== undefined || enabledServices(config).length > 0;
}

function changeUser({ store, file }: Config, { actAsOwnerOf }: CheckOptions): Point[] {
  try {
    actAsOwnerOf(store, file);
    return [];
  } catch (error) {
    return [problem(MAIL_USER, messageOf(error), 'run the check where root may become that user')];
  }
}

export async function checkOwnersPart(
  part: OwnersPart,
  sections: Sections,
  options: CheckOptions,
): Promise<void> {
  const { config, folders } = part;
  const changed = changeUser(config, options);
  const { store, point } = part.isForUs(config.store)
    ? await checkDatabase(config)
    : { point: skipped(DATABASE, MAIL_USER) };
  try {
    const nowMs = options.clock.nowMs();
    const devices = await store?.summariseTargets(nowMs, nowMs);
    const known = { database: point, store, devices };
    await sections.add('Database and spool', async () => [
      ...[...folders, ...changed, point],
      ...(await checkContents(part, known, nowMs)),
    ]);
    const { apns } = config;
    const password = apns.proxy?.passwordFile;
    const { clock, timeoutMs } = options;
    const { credentials } = part;
    await sections.add('Apple', () =>
      password === undefined || part.isForUs(password)
        ? checkApple({ apns, credentials, store, clock, timeoutMs })
        : skippedAll(pointsTo(apns), MAIL_USER),
    );
    if (hasServices(config)) await sections.add(SERVICES, () => checkServices(config, timeoutMs));
    await sections.add('Devices and pushes', () => checkPushes(part, known, options));
  } finally {
    store?.close();
  }
}

/** The database, and what is known of it. */
interface Known {
  database: Point;
  store: Store | undefined;
  devices: TargetSummary | undefined;
}

async function checkContents(
  { config, isForUs }: OwnersPart,
  { database, store, devices }: Known,
  nowMs: number,
): Promise<Point[]> {
  if (!isForUs(config.store)) return skippedAll([OUTBOX, SPOOL], MAIL_USER);
  const outbox =
    database.state === 'problem' ? skipped(OUTBOX, DATABASE) : await checkOutbox(store, devices, nowMs);
  return [outbox, checkSpool(config.spool, { isShared: config.postgres !== undefined, nowMs })];
}

async function checkPushes(
  { config, credentials, cyrusConf }: OwnersPart,
  { database, store, devices }: Known,
  { systemRoot }: CheckOptions,
): Promise<Point[]> {
  const isShared = config.postgres !== undefined;
  const serves = (devices?.serves ?? []).some(({ owner }) => !isShared || isOfThisHost(owner));
  return [
    ...(database.state === 'ok' || database.state === 'warning'
      ? await checkTargets(store, devices, credentials)
      : [skipped(TARGETS, DATABASE)]),
    ...judgeTimes(devices?.ahead ?? 0),
    await checkDeliverer(config),
    checkFlush({ cyrusConf, serves, isShared, ...(systemRoot !== undefined && { root: systemRoot }) }),
  ];
}
