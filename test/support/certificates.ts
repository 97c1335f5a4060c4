import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { mockFiles } from '../../src/apns/mock/ca.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder with the certificates of mock-apns, for copies. */
    certificates: string;
  }
}

/** Certificates are made once for all test files, since RSA keys take their time. */
export default function (project: TestProject): () => void {
  const dir = mkdtempSync(join(tmpdir(), 'xapplepush-ca-'));
  mockFiles(dir);
  project.provide('certificates', dir);
  return () => {
    rmSync(dir, { recursive: true, force: true });
  };
}
