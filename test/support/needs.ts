import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, test } from 'vitest';

/** Whether this host has what a test needs; if not, why, and the command that helps, for root. */
export type Availability = { available: true } | { available: false; why: string; install: string };

export type Mode = 'run' | 'skip' | 'fail';

/**
 * A describe block that needs something of the host. Where that is missing it is skipped on a developer's machine, with
 * the command that helps in its title, and fails where the environment variable CI is set.
 */
export function describeWith(
  what: string,
  availability: Availability,
  title: string,
  body: () => void,
): void {
  switch (modeFor(availability, process.env['CI'])) {
    case 'run':
      describe(title, body);
      return;
    case 'skip':
      // Without its body, which may need at once what is missing: Vitest says nothing of a skipped block without tests.
      describe.skip(`${title} – ${missing(availability)}`, () => failFor(what, availability));
      return;
    case 'fail':
      describe(title, () => failFor(what, availability));
  }
}

/** The same for one test. */
export function testWith(
  what: string,
  availability: Availability,
  title: string,
  body: () => void | Promise<void>,
): void {
  switch (modeFor(availability, process.env['CI'])) {
    case 'run':
      test(title, body);
      return;
    case 'skip':
      test.skip(`${title} – ${missing(availability)}`, body);
      return;
    case 'fail':
      failFor(what, availability);
  }
}

/** Programs that a test needs, each with the Debian package that has it. */
type Tools = Readonly<Record<string, string>>;

export function describeWithTools(tools: Tools, title: string, body: () => void): void {
  describeWith(Object.keys(tools).join(' and '), toolsAvailability(tools), title, body);
}

export function testWithTools(tools: Tools, title: string, body: () => void | Promise<void>): void {
  testWith(Object.keys(tools).join(' and '), toolsAvailability(tools), title, body);
}

export function describeAsRoot(title: string, body: () => void): void {
  describeWith('root', rootAvailability(), title, body);
}

export function testAsRoot(title: string, body: () => void | Promise<void>): void {
  testWith('root', rootAvailability(), title, body);
}

/** Only root may mount, and not in every container. */
export function testWithMounts(title: string, body: () => void | Promise<void>): void {
  testWith('the right to mount', mountAvailability(), title, body);
}

export function toolsAvailability(tools: Tools): Availability {
  const absent = Object.keys(tools).filter((name) => !isOnPath(name));
  if (absent.length === 0) return { available: true };
  const packages = [...new Set(absent.map((name) => tools[name]))].join(' ');
  return {
    available: false,
    why: `there is no ${absent.join(' and no ')}`,
    install: `apt-get install -y --no-install-recommends ${packages}`,
  };
}

/** What happens to such a test; `ci` is the value of the environment variable CI. */
export function modeFor({ available }: Availability, ci: string | undefined): Mode {
  if (available) return 'run';
  return ci === undefined || ci === '' || ci === 'false' ? 'skip' : 'fail';
}

function failFor(what: string, availability: Availability): void {
  test(`has ${what}`, () => {
    throw new Error(missing(availability));
  });
}

function missing(availability: Availability): string {
  return availability.available ? '' : `${availability.why}; as root: ${availability.install}`;
}

function rootAvailability(): Availability {
  if (process.geteuid?.() === 0) return { available: true };
  return { available: false, why: 'these tests do not run as root', install: 'npm test' };
}

function mountAvailability(): Availability {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'pipe' });
    return { available: true };
  } catch {
    return { available: false, why: 'this user may not mount here', install: 'npm test' };
  }
}

function isOnPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false; // not in this folder
    }
  });
}
