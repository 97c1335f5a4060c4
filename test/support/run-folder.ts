import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder of this run of tests, for what takes long to make: see made-once.ts. */
    runFolder: string;
  }
}

/** Called by Vitest before and after all tests. */
export default function (project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'xapplepush-tests-'));
  project.provide('runFolder', folder);
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
}
