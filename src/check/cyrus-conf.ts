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

/** What notifyd is started for, and what runs `flush`. */
const NOTIFYD = 'notifyd';

/** The line of cyrus.conf(5) that starts notifyd for that socket. */
export function notifydLine(socket: string): string {
  return `notify cmd="notifyd" listen="${socket}" proto="udp" prefork=1`;
}

/** Whether notifyd is started, and for the socket that imapd and lmtpd tell. Pure. */
export function judgeNotifyd(text: string, { socket, file }: { socket: string; file: string }): Point[] {
  const fix = `in ${file}, SERVICES: ${notifydLine(socket)}; then restart Cyrus`;
  const lines = linesOf(text, 'SERVICES').filter((line) => programIn(line) === NOTIFYD);
  if (lines.length === 0)
    return [problem(CYRUS_CONF, 'no service starts notifyd: nobody hears of events', fix)];
  const sockets = lines.flatMap((line) => /\blisten="([^"]*)"/.exec(line)?.[1] ?? []);
  if (sockets.includes(socket)) return [];
  const said = `notifyd listens on ${sockets.join(' and ') || 'nothing'}, and notifysocket is ${socket}`;
  return [problem(CYRUS_CONF, said, fix)];
}

/** Whether master runs `xapplepush flush` now and then. Pure. */
export function runsFlush(text: string): boolean {
  return linesOf(text, 'EVENTS').some((line) => /\bcmd="[^"]*xapplepush[^"]* flush\b/.test(line));
}

/** The lines of a section that are no comment. */
function linesOf(text: string, section: 'SERVICES' | 'EVENTS'): string[] {
  const body = new RegExp(`^\\s*${section}\\s*\\{([^}]*)\\}`, 'm').exec(text)?.[1] ?? '';
  return body.split('\n').filter((line) => !/^\s*#/.test(line));
}

function programIn(line: string): string | undefined {
  return /\bcmd="([^\s"]+)/.exec(line)?.[1]?.split('/').at(-1);
}

/** cyrus.conf(5): sections in braces, one entry a line. */
function servicesIn(text: string): Service[] {
  return linesOf(text, 'SERVICES').flatMap((line) => {
    const [, name, program] = /^\s*([\w-]+)\s.*?\bcmd="([^\s"]+)/.exec(line) ?? [];
    return name === undefined || program === undefined ? [] : [{ name, program }];
  });
}
