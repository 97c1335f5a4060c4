import type { Config } from '../config/config.ts';
import { ExitCode } from '../process/errors.ts';
import { CLOCK, installedMs, judgeClock } from './clock.ts';
import { checkConfiguration, CONFIGURATION } from './configuration.ts';
import { checkCredentials, CREDENTIAL, type Credentials } from './credential.ts';
import { type Cyrus, checkCyrus, findCyrus, IMAPD_CONF, OF_CYRUS } from './cyrus.ts';
import { checkDovecot } from './dovecot/dovecot.ts';
import { checkLog, checkReading, checkSecrecy, FILES_TO_READ, LOG, SECRET_FILES } from './files.ts';
import { checkHttpDoor } from './http-door.ts';
import { findMailUser, isNotForUs, MAIL_USER } from './mail-user.ts';
import type { CheckOptions } from './options.ts';
import { AS_OWNER, checkAsOwner, checkOwnersPart, type OwnersPart } from './owners-part.ts';
import { type Point, skippedAll } from './point.ts';
import { exitCodeOf } from './show.ts';
import { checkSpoolFolder, SPOOL_FOLDER } from './spool.ts';
import { checkStoreFolder, DATABASE_FOLDER } from './store.ts';
import { Sections } from './subject.ts';
import { judgePlaces } from './temporary.ts';
import type { MailUser } from '../process/mail-user.ts';

/** Everything that can be skipped because the configuration cannot be used. */
const ALL = [
  ...[CLOCK, MAIL_USER, SECRET_FILES, FILES_TO_READ, LOG, CREDENTIAL, IMAPD_CONF],
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
  const sections = new Sections(options.listener);
  if (config === undefined) {
    const told = options.ownersPartOnly
      ? skippedAll(AS_OWNER, CONFIGURATION)
      : [...points, ...skippedAll(ALL, CONFIGURATION)];
    await sections.add('Configuration', () => told);
    return { points: sections.points, exitCode: ExitCode.configuration };
  }
  await checkWith(config, points, sections, options);
  return { points: sections.points, exitCode: exitCodeOf(sections.points) };
}

async function checkWith(
  config: Config,
  introduction: readonly Point[],
  sections: Sections,
  options: CheckOptions,
): Promise<void> {
  const cyrus = findCyrus(config.imapdConf);
  const { user, point } = findMailUser(cyrus.options, config.store);
  const credentials = checkCredentials(config.apns, options.clock.nowMs());
  const part: OwnersPart = {
    ...{ config, folders: [], credentials: credentials.usable, cyrusConf: cyrus.cyrusConf },
    isForUs: (path) => !isNotForUs(point, [path]),
  };
  if (options.ownersPartOnly) return checkOwnersPart(part, sections, options);
  await sections.add('Configuration', () => [
    ...introduction,
    judgeClock(options.clock.nowMs(), {
      installedMs: options.installedMs ?? installedMs(),
      certificates: credentials.periods,
    }),
    point,
    ...checkFiles(config, cyrus, credentials, user),
    ...checkHttpDoor(config.serve, { nowMs: options.clock.nowMs(), isForUs: part.isForUs }),
    ...judgePlaces(placesOf(config), options.temporaryFolders),
  ]);
  await sections.add('Credentials', () =>
    isNotForUs(point, credentials.files) ? skippedAll([CREDENTIAL], MAIL_USER) : credentials.points,
  );
  await sections.add('Cyrus', () =>
    checkCyrus(cyrus, {
      ...{ user, credentials: credentials.usable, environment: options.environment },
      serveSocket: config.serve.cyrusSocket,
      sharedMailboxes: config.targets.sharedMailboxes,
    }),
  );
  await checkDovecotIfThere(config, user, { cyrus, credentials }, sections, options);
  await checkAsOwner({ ...part, folders: checkFolders(config, user) }, sections, options);
}

async function checkDovecotIfThere(
  config: Config,
  reader: MailUser | undefined,
  { cyrus, credentials }: { cyrus: Cyrus; credentials: Credentials },
  sections: Sections,
  { runDoveconf }: CheckOptions,
): Promise<void> {
  const doveconf = runDoveconf();
  const hasCyrus = cyrus.options !== undefined;
  const topics = credentials.usable?.flatMap((each) => each.topics);
  if (doveconf !== undefined)
    await sections.add('Dovecot', () => checkDovecot(doveconf, { config, reader, topics, hasCyrus }));
}

/** By their keys in the configuration. */
function placesOf({ store, spool, control, log, apns }: Config): Record<string, string | undefined> {
  const { certificate, key } = apns;
  return {
    store,
    spool,
    control,
    'log.destination': log.destination,
    'apns.certificate': certificate,
    'apns.key': key,
  };
}

function checkFiles(
  { apns, file, imapdConf, log, serve, webhook }: Config,
  cyrus: Cyrus,
  { files, secretFiles }: Credentials,
  user: MailUser | undefined,
): Point[] {
  const passwords = [serve.httpPasswordFile, apns.proxy?.passwordFile, webhook.secretFile].filter(
    (each) => each !== undefined,
  );
  const keys = serve.tls === undefined ? [] : [serve.tls.key];
  const secrecy = checkSecrecy([...secretFiles, ...passwords, ...keys], user);
  if (user === undefined) return [...secrecy, ...skippedAll([FILES_TO_READ, LOG], MAIL_USER)];
  const others = [file, apns.ca, serve.tls?.certificate, cyrus.options && imapdConf].filter(
    (each) => each !== undefined,
  );
  return [
    ...secrecy,
    ...checkReading([...others, ...files, ...passwords, ...keys], user),
    checkLog(log, user),
  ];
}

function checkFolders({ store, spool }: Config, user: MailUser | undefined): Point[] {
  if (user === undefined) return skippedAll([DATABASE_FOLDER, SPOOL_FOLDER], MAIL_USER);
  return [checkStoreFolder(store, user), checkSpoolFolder(spool, user)];
}
