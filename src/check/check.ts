import type { Credential } from '../apns/credentials/credentials.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { ExitCode, messageOf } from '../process/errors.ts';
import { ownerToBecome } from '../process/identity.ts';
import { checkApple, OF_APPLE } from './apple.ts';
import { checkAs } from './as-owner.ts';
import { checkConfiguration, CONFIGURATION } from './configuration.ts';
import { checkCredentials, CREDENTIAL, type Credentials } from './credential.ts';
import { type Cyrus, checkCyrus, findCyrus, IMAPD_CONF, OF_CYRUS } from './cyrus.ts';
import { checkDovecot } from './dovecot/dovecot.ts';
import type { RunDoveconf } from './dovecot/run-doveconf.ts';
import { checkDeliverer, DELIVERER } from './deliverer.ts';
import { checkLog, checkReading, checkSecrecy, FILES_TO_READ, LOG, SECRET_FILES } from './files.ts';
import { findMailUser, MAIL_USER } from './mail-user.ts';
import { type Point, problem, skippedAll } from './point.ts';
import { exitCodeOf } from './show.ts';
import { checkSpool, checkSpoolFolder, SPOOL, SPOOL_FOLDER } from './spool.ts';
import { checkDatabase, checkOutbox, checkStoreFolder, DATABASE, DATABASE_FOLDER, OUTBOX } from './store.ts';
import { checkTargets, TARGETS } from './targets.ts';
import type { MailUser } from './trial.ts';

export interface CheckOptions {
  /** `--config`. */
  configFile: string | undefined;
  environment: NodeJS.ProcessEnv;
  clock: Clock;
  /** For each step towards Apple. */
  timeoutMs: number;
  /** Before it, files are tried as the mail server's user; after it, the database may be opened. */
  actAsOwnerOf: (store: string, configFile: string | undefined) => void;
  canChangeUser: () => boolean;
  /** What Dovecot says of its configuration, where there is one. */
  runDoveconf: RunDoveconf;
}

/** What is judged as the owner of the database. */
const AS_OWNER = [DATABASE, OUTBOX, SPOOL, ...OF_APPLE, TARGETS, DELIVERER];

/** Everything that can be skipped because the configuration cannot be used. */
const ALL = [
  ...[MAIL_USER, SECRET_FILES, FILES_TO_READ, LOG, CREDENTIAL, IMAPD_CONF],
  ...OF_CYRUS,
  ...[DATABASE_FOLDER, SPOOL_FOLDER],
  ...AS_OWNER,
];

/**
 * Goes through the whole set-up, changing nothing. Gives 0 where all is well or nearly so, 1 where there is a
 * problem, 78 where the configuration cannot be used.
 */
export async function check(options: CheckOptions): Promise<{ points: Point[]; exitCode: ExitCode }> {
  const { config, points } = checkConfiguration(options.configFile, options.environment);
  if (config === undefined)
    return { points: [...points, ...skippedAll(ALL, CONFIGURATION)], exitCode: ExitCode.configuration };
  points.push(...(await checkWith(config, options)));
  return { points, exitCode: exitCodeOf(points) };
}

async function checkWith(config: Config, options: CheckOptions): Promise<Point[]> {
  const cyrus = findCyrus(config.imapdConf);
  const { user, point } = findMailUser(cyrus.options, config.store);
  const credentials = checkCredentials(config.apns, options.clock.nowMs());
  const folders = checkFolders(config, user);
  const judged = [
    point,
    ...checkFiles(config, cyrus, credentials, user),
    ...credentials.points,
    cyrus.point,
    ...checkCyrus(cyrus, {
      ...{ user, credentials: credentials.usable, environment: options.environment },
      serveSocket: config.serve.cyrusSocket,
      sharedMailboxes: config.targets.sharedMailboxes,
    }),
    ...checkDovecot(options.runDoveconf(), {
      config,
      reader: user,
      hasCyrus: cyrus.options !== undefined,
    }),
    ...folders,
  ];
  return [...judged, ...(await checkAsOwner(config, credentials.usable, judged, options))];
}

function checkFiles(
  { apns, file, imapdConf, log, serve }: Config,
  cyrus: Cyrus,
  { files, secretFiles }: Credentials,
  user: MailUser | undefined,
): Point[] {
  const password = serve.httpPasswordFile === undefined ? [] : [serve.httpPasswordFile];
  const secrecy = checkSecrecy([...secretFiles, ...password], user);
  if (user === undefined) return [...secrecy, ...skippedAll([FILES_TO_READ, LOG], MAIL_USER)];
  const others = [file, apns.ca, cyrus.options && imapdConf].filter((each) => each !== undefined);
  return [...secrecy, ...checkReading([...others, ...files, ...password], user), checkLog(log, user)];
}

function checkFolders({ store, spool }: Config, user: MailUser | undefined): Point[] {
  if (user === undefined) return skippedAll([DATABASE_FOLDER, SPOOL_FOLDER], MAIL_USER);
  return [checkStoreFolder(store, user), checkSpoolFolder(spool, user)];
}

/** By another process, which is the owner, where this one cannot change its user. */
async function checkAsOwner(
  config: Config,
  credentials: readonly Credential[] | undefined,
  judged: readonly Point[],
  options: CheckOptions,
): Promise<Point[]> {
  const owner = options.canChangeUser() ? undefined : ownerToBecome(config.store);
  if (owner !== undefined) return checkAs(owner, { judged, rest: AS_OWNER, configFile: options.configFile });
  return [...changeUser(config, options), ...(await checkRest(config, credentials, options))];
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
  config: Config,
  credentials: readonly Credential[] | undefined,
  { clock, timeoutMs }: CheckOptions,
): Promise<Point[]> {
  const { store, point } = await checkDatabase(config.store);
  const unusable = point.state === 'problem';
  try {
    return [
      point,
      ...(unusable ? skippedAll([OUTBOX], DATABASE) : [await checkOutbox(store, clock.nowMs())]),
      checkSpool(config.spool),
      ...(await checkApple({ apns: config.apns, credentials, store, clock, timeoutMs })),
      ...(unusable ? skippedAll([TARGETS], DATABASE) : await checkTargets(store, credentials)),
      await checkDeliverer(config),
    ];
  } finally {
    store?.close();
  }
}
