// The file system of a soak's host: one of its own, which can be full, where root may mount it.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const SIZE = '96m';
const PIECE = Buffer.alloc(64 * 1024);

export function mountDisk(path) {
  mkdirSync(path);
  const ballast = join(path, 'ballast');
  const isMounted = mounts(path);
  return {
    path,
    isFull: false,
    canBeFull: isMounted,
    fill() {
      this.isFull = true;
      const file = openSync(ballast, 'w');
      try {
        for (;;) writeSync(file, PIECE);
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    },
    free() {
      rmSync(ballast, { force: true });
      this.isFull = false;
    },
    close: () => isMounted && execFileSync('umount', ['--lazy', path]),
  };
}

function mounts(path) {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0755`, 'tmpfs', path], { stdio: 'pipe' });
    return true;
  } catch {
    return false; // the account says that the disk was never full
  }
}
