import type { Credential } from '../apns/credentials/credentials.ts';
import type { Config } from '../config/config.ts';
import { messageOf } from '../process/errors.ts';
import { ownerToBecome } from '../process/identity.ts';
import { checkApple, OF_APPLE } from './apple.ts';
import { checkAs } from './as-owner.ts';
import { judgeTimes } from './clock.ts';
import { checkDeliverer, DELIVERER } from './deliverer.ts';
import { checkFlush, FLUSH } from './flush.ts';
import { MAIL_USER } from './mail-user.ts';
import type { CheckOptions } from './options.ts';
import { checkOutbox, OUTBOX } from './outbox.ts';
import { type Point, problem, skippedAll } from './point.ts';
import { checkSpool, SPOOL } from './spool.ts';
import { checkDatabase, DATABASE } from './store.ts';
import type { Sections } from './subject.ts';
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
}

/** By another process, which is the owner, where this one cannot change its user. */
export async function checkAsOwner(
  part: OwnersPart,
  sections: Sections,
  options: CheckOptions,
): Promise<void> {
  const owner = options.canChangeUser() ? undefined : ownerToBecome(part.config.store);
  if (owner === undefined) return checkRest(part, sections, options);
  const judged = [...sections.points, ...part.folders];
  const points = checkAs(owner, { judged, rest: AS_OWNER, configFile: options.configFile });
  const of = (names: readonly string[]): Point[] =>
    points.filter(({ point }) => names.some((name) => point === name || point.startsWith(`${name} `)));
  const [store, apple] = [of(OF_STORE), of(OF_APPLE)];
  await sections.add('Database and spool', () => [...part.folders, ...store]);
  await sections.add('Apple', () => apple);
  await sections.add('Devices and pushes', () =>
    points.filter((each) => !store.includes(each) && !apple.includes(each)),
  );
}

function changeUser({ store, file }: Config, { actAsOwnerOf }: CheckOptions): Point[] {
  try {
    actAsOwnerOf(store, file);
    return [];
  } catch (error) {
    return [problem(MAIL_USER, messageOf(error), 'run the check where root may become that user')];
  }
}

async function checkRest(
  { config, folders, credentials, cyrusConf }: OwnersPart,
  sections: Sections,
  options: CheckOptions,
): Promise<void> {
  const { clock, timeoutMs } = options;
  const changed = changeUser(config, options);
  const { store, point } = await checkDatabase(config.store);
  const unusable = point.state === 'problem';
  try {
    await sections.add('Database and spool', async () => [
      ...[...folders, ...changed, point],
      ...(unusable ? skippedAll([OUTBOX], DATABASE) : [await checkOutbox(store, clock.nowMs())]),
      checkSpool(config.spool),
    ]);
    await sections.add('Apple', () =>
      checkApple({ apns: config.apns, credentials, store, clock, timeoutMs }),
    );
    await sections.add('Devices and pushes', async () => {
      const summary = await store?.summariseTargets(clock.nowMs(), clock.nowMs());
      const serves = (summary?.serves ?? []).length > 0;
      return [
        ...(unusable ? skippedAll([TARGETS], DATABASE) : await checkTargets(store, credentials)),
        ...judgeTimes(summary?.ahead ?? 0),
        await checkDeliverer(config),
        checkFlush({
          cyrusConf,
          serves,
          ...(options.systemRoot !== undefined && { root: options.systemRoot }),
        }),
      ];
    });
  } finally {
    store?.close();
  }
}
