import { type Point, ok, problem } from './point.ts';

export const CYRUS_CONF = 'cyrus.conf';

/** A service of cyrus.conf(5) and the program that it starts. */
interface Service {
  name: string;
  program: string;
}

/**
 * Whether every service has its program: master (3.6.1, 3.10.2) ends at once where one is missing, as with Debian's
 * cyrus.conf where only cyrus-imapd is installed. Pure; `isThere` knows which programs are installed.
 */
export function judgeCyrusConf(text: string, isThere: (program: string) => boolean): Point[] {
  const missing = servicesIn(text).filter(({ program }) => !isThere(program));
  if (missing.length === 0) return [ok(CYRUS_CONF, 'each service has its program')];
  return missing.map(({ name, program }) =>
    problem(
      CYRUS_CONF,
      `the service ${name} starts ${program}, which is not installed: Cyrus does not start`,
      `in cyrus.conf put a # before the line of ${name}, or install the package that has ${program}`,
    ),
  );
}

/** cyrus.conf(5): sections in braces, one entry a line. */
function servicesIn(text: string): Service[] {
  const section = /^\s*SERVICES\s*\{([^}]*)\}/m.exec(text)?.[1] ?? '';
  return section.split('\n').flatMap((line) => {
    const [, name, program] = /^\s*([\w-]+)\s.*?\bcmd="([^\s"]+)/.exec(line) ?? [];
    return name === undefined || program === undefined ? [] : [{ name, program }];
  });
}
