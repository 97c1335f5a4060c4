import { tool } from './cyrus-installation.ts';
import { describeWithServer } from './cyrus-suite.ts';

/** A describe block that needs a program of a Debian package; as describeWithServer where it is missing. */
export function describeWithTool(name: string, debianPackage: string, title: string, body: () => void): void {
  const availability =
    tool(name) === undefined
      ? {
          available: false as const,
          why: `${name} is not installed`,
          install: `apt-get install --no-install-recommends ${debianPackage}`,
        }
      : { available: true as const };
  describeWithServer(`a ${name}`, availability, title, body);
}

/** A describe block that must run as root; as describeWithServer where it does not. */
export function describeAsRoot(title: string, body: () => void): void {
  const availability =
    process.geteuid?.() === 0
      ? { available: true as const }
      : { available: false as const, why: 'these tests do not run as root', install: 'npm test' };
  describeWithServer('root', availability, title, body);
}
