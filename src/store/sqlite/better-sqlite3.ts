import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type BetterSqlite3 from 'better-sqlite3';
import { ownFile } from '../../process/installation.ts';
import { DRIVER_FOR_NODE_20 } from '../../node-20/sqlite-driver.ts';
import { closedAt, closedProgram } from '../../process/own-program.ts';
import { StoreError } from '../errors.ts';
import type { Driver } from './driver.ts';

/** A release of the driver: where npm has installed it, and where in it the binary may be. */
interface Release {
  folder: string;
  binaries: readonly string[];
  driver: (require: NodeJS.Require) => typeof BetterSqlite3;
}

const hasNodeApi = Number(process.versions['napi']) >= 10;

/** Brings a binary for each system, good for every Node whose Node-API is version 10 (from 22.14 on). */
export const FOR_NODE_API: Release = {
  folder: 'better-sqlite3',
  binaries: hasNodeApi
    ? [process.platform, 'linuxmusl'].map((system) => `prebuilds/${system}-${process.arch}.node`)
    : [],
  driver: (require) => require('better-sqlite3') as typeof BetterSqlite3,
};

/** Where its binaries are: within the package of npm, or where npm puts it, below us or beside us. */
const PACKAGES = ['dist/drivers', 'node_modules', '..'];

/**
 * The driver, where a binary of that release loads; it is told why others do not. Loaded by its path: the driver's own
 * search takes a millisecond, and that of `require` nearly as long.
 */
export function betterSqlite3(release: Release, failures: unknown[]): Driver | undefined {
  for (const file of filesOf(release).filter((each) => existsSync(each))) {
    try {
      return driverOf(release, loadAddon(file));
    } catch (error) {
      failures.push(error); // made for another libc, or another Node
    }
  }
  return undefined;
}

function filesOf({ folder, binaries }: Release): string[] {
  return PACKAGES.flatMap((packages) => binaries.map((binary) => ownFile(join(packages, folder, binary))));
}

function loadAddon(file: string): unknown {
  const module = { exports: {} };
  process.dlopen(module, file);
  return module.exports;
}

function driverOf({ driver }: Release, addon: unknown): Driver {
  const Database = driver(createRequire(import.meta.url));
  return {
    name: 'better-sqlite3',
    // An addon is as welcome as its path, though the types do not know.
    connect: (file, options) => new Database(file, { ...options, nativeBinding: addon as string }),
  };
}

/** A file of this program that this user may not read. */
export function unreadable(failures: readonly unknown[]): StoreError | undefined {
  const files = [FOR_NODE_API, DRIVER_FOR_NODE_20].flatMap(filesOf);
  const closed = [
    ...failures.flatMap((error) => closedProgram(error) ?? []),
    ...files.flatMap((file) => closedAt(file, failures[0]) ?? []),
  ][0];
  if (closed === undefined) return undefined;
  const { message, hint } = closed;
  return new StoreError(`${message}: it cannot open the database`, { hint, cause: failures[0] });
}
