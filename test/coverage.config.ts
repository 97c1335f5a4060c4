import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, mergeConfig } from 'vitest/config';
import ordinary from '../vitest.config.ts';

/**
 * A test that starts the built program or a shell. It takes long, and nobody counts what runs in another process.
 */
const OTHER_PROCESSES =
  /import \{[^}]*\b(?:createSandbox|COMMAND|openTerminal|startServe|buildsIn|installProgram)\b/;

/** One that runs the program in its own process as well. */
const HERE = /from '[./]*support\/(?:here|transcript)\.ts'/;

/** Those that need another process for one case of many. */
const MOSTLY_HERE = ['check/proxy', 'serve/status-page', 'store/backup', 'unusable-credentials'].map(
  (name) => `test/${name}.test.ts`,
);

/** The tests that run in one process, and what they reach of the source: `npm run coverage`. */
export default mergeConfig(
  ordinary,
  defineConfig({
    test: {
      exclude: [
        ...testsIn((text) => OTHER_PROCESSES.test(text) && !HERE.test(text)).filter(
          (file) => !MOSTLY_HERE.includes(file),
        ),
        'test/e2e/**',
        'test/build/launch.test.ts',
        'test/examples/demo.test.ts',
      ],
      coverage: {
        provider: 'v8',
        include: ['src/**/*.ts'],
        exclude: ['src/main.ts'], // the entrance, which is a process
        reporter: ['text'],
        reportOnFailure: true,
        // Below what is reached, and rises with it.
        thresholds: { branches: 90 },
      },
    },
  }),
);

function testsIn(isWanted: (text: string) => boolean): string[] {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .filter((file) => isWanted(readFileSync(file, 'utf8')));
}
