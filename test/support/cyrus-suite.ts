import { describe, it } from 'vitest';
import { cyrusAvailability } from './cyrus-installation.ts';
import type { CyrusAvailability } from './cyrus-installation.ts';

export type SuiteMode = 'run' | 'skip' | 'fail';

/** A describe block that needs a real Cyrus. */
export function describeWithCyrus(name: string, body: () => void): void {
  describeWithServer('a Cyrus', cyrusAvailability(), name, body);
}

/**
 * A describe block that needs a real server. Without one it is skipped on a developer's machine, with the
 * installation command in its title, and fails where the environment variable CI is set.
 */
export function describeWithServer(
  server: string,
  availability: CyrusAvailability,
  name: string,
  body: () => void,
): void {
  switch (suiteMode(availability, process.env['CI'])) {
    case 'run':
      describe(name, body);
      return;
    case 'skip':
      describe.skip(`${name} – ${missing(availability)}`, body);
      return;
    case 'fail':
      describe(name, () => {
        it(`has ${server} to run against`, () => {
          throw new Error(missing(availability));
        });
      });
  }
}

/** What happens to such a block; `ci` is the value of the environment variable CI. */
export function suiteMode({ available }: CyrusAvailability, ci: string | undefined): SuiteMode {
  if (available) return 'run';
  return ci === undefined || ci === '' || ci === 'false' ? 'skip' : 'fail';
}

function missing(availability: CyrusAvailability): string {
  return availability.available ? '' : `${availability.why}; as root: ${availability.install}`;
}
