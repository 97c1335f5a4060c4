import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../config/config.ts';
import { StoreError } from '../store/errors.ts';
import type { Store } from '../store/store.ts';
import { isSpooler, unusableFiles, unusableHandler } from './files.ts';
import { broken, type Finding } from './finding.ts';
import { type Devices, lookAtMailServer } from './mail-server.ts';
import { ownerOf, userCalled } from '../process/mail-user.ts';

/** What keeps mail from coming in at all, and through which doors of `serve` it comes. */
export interface WayIn {
  obstacles: Finding[];
  neededDoors: string[];
}

/** Looks at what the mail server and its user need, and whether the database takes something. */
export async function lookAtWayIn(config: Config, store: Store, devices: Devices): Promise<WayIn> {
  const { cyrusUser, handler, doors, findings } = lookAtMailServer(config, devices);
  const files = unusableTo(cyrusUser, handler, config);
  const obstacles = [
    ...findings,
    ...files,
    ...(config.postgres === undefined ? fullDisk(store.file) : []),
    ...(await lockedStore(store)),
  ];
  return { obstacles: obstacles.filter(isNew), neededDoors: doors };
}

/** What notifyd starts is Cyrus's user; `serve` behind a spool or a door is whoever owns the database. */
function unusableTo(cyrusUser: string | undefined, handler: string | undefined, config: Config): Finding[] {
  const owner = ownerOf(dirname(config.store));
  if (owner === undefined) return []; // the folder has gone since the database was opened
  if (cyrusUser === undefined || handler === undefined) return unusableFiles(config, owner);
  const user = userCalled(cyrusUser);
  if (user === undefined)
    return [
      broken(`there is no user ${cyrusUser} for Cyrus to run as`, 'set cyrus_user in imapd.conf to it'),
    ];
  return [
    ...unusableHandler(config, user, handler),
    ...unusableFiles(config, isSpooler(handler) ? owner : user),
  ];
}

/** Less than SQLite's write-ahead log takes for one event. */
const MIN_FREE_BYTES = 64 * 1024;

function fullDisk(file: string): Finding[] {
  const { blocks, bavail, bsize } = statfsSync(dirname(file));
  if (blocks === 0 || bavail * bsize >= MIN_FREE_BYTES) return [];
  return [broken(`no space left for database ${file}`, 'make room on its file system')];
}

async function lockedStore(store: Store): Promise<Finding[]> {
  try {
    await store.tryWriting();
    return [];
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return [broken(error.message, error.hint)];
  }
}

/** Several files may lie in the folder that is closed. */
function isNew({ text }: Finding, index: number, all: readonly Finding[]): boolean {
  return all.findIndex((each) => each.text === text) === index;
}
