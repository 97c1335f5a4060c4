import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';

/** A folder on a file system of its own, with room for a few files only. Needs root. */
export interface SmallDisk {
  path: string;
  unmount(): void;
}

/** Mounts it at `path`, for that user. */
export function mountSmallDisk(path: string, { bytes = 64 * 1024, uid = 0, gid = 0 } = {}): SmallDisk {
  mkdirSync(path);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tmpfs', path], { stdio: 'pipe' });
  chownSync(path, uid, gid);
  return { path, unmount: () => execFileSync('umount', [path], { stdio: 'pipe' }) };
}
