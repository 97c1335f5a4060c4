import { closeSync, fsyncSync, openSync } from 'node:fs';

/** When it returns, the names in the folder survive a power cut as well (fsync(2)). */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
