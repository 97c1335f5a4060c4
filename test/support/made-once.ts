import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';

/** A folder that `make` fills, once for all files of a run of tests: only to be read, or copied. */
export function madeOnce(name: string, make: (folder: string) => void): string {
  const made = join(inject('runFolder'), name);
  if (existsSync(made)) return made;
  const draft = mkdtempSync(`${made}.`);
  make(draft);
  try {
    renameSync(draft, made);
  } catch (error) {
    if (!existsSync(made)) throw error; // else another process was faster
    rmSync(draft, { recursive: true });
  }
  return made;
}
