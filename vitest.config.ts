import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real processes and servers run inside the tests; two workers match the smallest machine that CI uses.
    maxWorkers: 2,
  },
});
