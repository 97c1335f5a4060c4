import { defineConfig } from 'vitest/config';

/** Rooms whose tests leave nothing behind in their process: the next file may run in it, which saves a third. */
const SHARED = (
  'apns cert check cli config delivery devices doors events history intake mailboxes manual outbox page pages prune ' +
  'serve services sockets spool status store targets terminal test-push transfer waiting'
)
  .split(' ')
  .map((room) => `test/${room}/**/*.test.ts`);

/** Files that cannot be tested here: .ci/debian13 names some. `--exclude` does not reach a project with an `exclude` of its own. */
const LEFT_OUT = (process.env['TESTS_LEFT_OUT'] ?? '').split(' ').filter(Boolean);

export default defineConfig({
  test: {
    globalSetup: ['test/support/run-folder.ts'],
    // No test takes so long: they only end what hangs, also where the machine has ten times as much to do.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two cores are the smallest machine that CI uses, and tests wait for half of their time for processes and servers.
    maxWorkers: 4,
    // What Vite makes of the files stays beside the packages, for the next run: of three rooms a sixth of the processor time.
    experimental: { fsModuleCache: true },
    projects: [
      { extends: true, test: { name: 'shared', include: SHARED, exclude: LEFT_OUT, isolate: false } },
      {
        extends: true,
        test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: [...SHARED, ...LEFT_OUT] },
      },
    ],
  },
});
