import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type BetterSqlite3 from 'better-sqlite3';
import { messageOf } from '../../process/errors.ts';
import { installAnew, ownFile } from '../../process/installation.ts';
import { COMPILER_HINT, DRIVER_FOR_NODE_20 } from '../../node-20/sqlite-driver.ts';
import { closedAt, closedProgram } from '../../process/own-program.ts';
import { StoreError } from '../errors.ts';

export type Database = BetterSqlite3.Database;

/** Opens a database file; throws what the driver throws, or a StoreError where there is no driver for this Node. */
export function connect(file: string, options: BetterSqlite3.Options = {}): Database {
  const { Driver, addon } = (driver ??= load());
  // An addon is as welcome as its path, though the types do not know.
  return new Driver(file, { ...options, nativeBinding: addon as string });
}

type Driver = typeof BetterSqlite3;

interface LoadedDriver {
  Driver: Driver;
  addon: unknown;
}

/** Loaded at the first use: an event that concerns nobody never pays for it. */
let driver: LoadedDriver | undefined;

/** A release of the driver: where npm has installed it, and where in it the binary may be. */
interface Release {
  folder: string;
  binaries: readonly string[];
  driver: (require: NodeJS.Require) => Driver;
}

/** Brings a binary for each system, good for every Node whose Node-API is version 10 (from 22.14 on). */
const FOR_NODE_API: Release = {
  folder: 'better-sqlite3',
  binaries: [process.platform, 'linuxmusl'].map((system) => `prebuilds/${system}-${process.arch}.node`),
  driver: (require) => require('better-sqlite3') as Driver,
};
const NODE_API = 10;

/** Where npm puts it: below us, or beside us. */
const PACKAGES = ['node_modules', '..'];

/** Loaded by its path: the driver's own search takes a millisecond, and that of `require` nearly as long. */
function load(): LoadedDriver {
  const require = createRequire(import.meta.url);
  const failures: unknown[] = [];
  for (const { file, driver } of candidates()) {
    if (!existsSync(file)) continue;
    try {
      return { addon: loadAddon(file), Driver: driver(require) };
    } catch (error) {
      failures.push(error); // made for another libc, or another Node
    }
  }
  throw unreadable(failures) ?? noDriver(failures);
}

function candidates(): { file: string; driver: Release['driver'] }[] {
  const brought = Number(process.versions['napi']) >= NODE_API ? [FOR_NODE_API] : [];
  const releases: Release[] = [...brought, DRIVER_FOR_NODE_20];
  return releases.flatMap(({ folder, binaries, driver }) =>
    PACKAGES.flatMap((packages) =>
      binaries.map((binary) => ({ file: ownFile(join(packages, folder, binary)), driver })),
    ),
  );
}

function loadAddon(file: string): unknown {
  const module = { exports: {} };
  process.dlopen(module, file);
  return module.exports;
}

/** A file of this program that this user may not read. */
function unreadable(failures: readonly unknown[]): StoreError | undefined {
  const files = candidates().flatMap(({ file }) => closedAt(file, failures[0]) ?? []);
  const [closed] = [...failures.flatMap((error) => closedProgram(error) ?? []), ...files];
  if (closed === undefined) return undefined;
  const { message, hint } = closed;
  return new StoreError(`${message}: it cannot open the database`, { hint, cause: failures[0] });
}

function noDriver(failures: readonly unknown[]): StoreError {
  const why = failures.length === 0 ? 'it is not installed' : failures.map(messageOf).join('; ');
  return new StoreError(`the database driver does not load under Node ${process.version}: ${why}`, {
    hint: installAnew(COMPILER_HINT),
    cause: undefined,
  });
}
