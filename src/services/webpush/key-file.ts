import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { posix } from 'node:path';
import type { Config } from '../../config/config.ts';
import { ExitCode, isMissing, messageOf, OperatorError } from '../../process/errors.ts';
import { syncFolder } from '../../process/sync-folder.ts';
import { type VapidKey, vapidKeyOf } from './vapid.ts';

/** Where the key lies: as configured, else beside the store. */
export function keyFileOf({ store, webpush }: Pick<Config, 'store' | 'webpush'>): string {
  const { dir, name } = posix.parse(store);
  return webpush.keyFile ?? posix.join(dir, `${name}.vapid.pem`);
}

/** The key that lies beside the store and is named by it alone; undefined where there is none. */
export function keyBesideStore(config: Parameters<typeof keyFileOf>[0]): string | undefined {
  const file = keyFileOf(config);
  return config.webpush.keyFile === undefined && existsSync(file) ? file : undefined;
}

/** The key in the file; where there is no such file, one is made. Throws OperatorError. */
export function readOrMakeKey(file: string): VapidKey {
  try {
    return vapidKeyOf(readFileSync(file, 'utf8'));
  } catch (error) {
    if (!isMissing(error)) throw unusable(file, error);
  }
  try {
    makeKey(file);
    return vapidKeyOf(readFileSync(file, 'utf8'));
  } catch (error) {
    throw unusable(file, error);
  }
}

/** Whole or not at all; of several that make one at once the first one's stays, since apps subscribe by it. */
function makeKey(file: string): void {
  const draft = `${file}.new-${randomBytes(6).toString('hex')}`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  try {
    write(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), posix.dirname(file));
    linkSync(draft, file);
    syncFolder(posix.dirname(file));
  } catch (error) {
    if (!isThere(error)) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** For its owner alone, who is the folder's where root makes it. */
function write(draft: string, pem: string | Buffer, folder: string): void {
  const fd = openSync(draft, 'wx', 0o600);
  try {
    const { uid, gid } = statSync(folder);
    if (process.geteuid?.() === 0) fchownSync(fd, uid, gid);
    writeFileSync(fd, pem);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function isThere(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST';
}

function unusable(file: string, error: unknown): OperatorError {
  return new OperatorError(`webpush.key_file: ${file} cannot be used: ${messageOf(error)}`, {
    exitCode: ExitCode.configuration,
    hint: 'name a file with a private key of P-256 in PEM that this user can read, or a new file in a folder of this user',
    cause: error,
  });
}
