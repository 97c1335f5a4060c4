import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/certificates.ts'],
    // No test takes so long: they only end what hangs, also where the machine has ten times as much to do.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two cores are the smallest machine that CI uses, and tests wait for a third of their time for processes and servers.
    maxWorkers: 3,
  },
});
