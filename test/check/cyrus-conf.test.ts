import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { judgeCyrusConf, judgeNotifyd } from '../../src/check/cyrus-conf.ts';

/** /etc/cyrus.conf of Debian's cyrus-imapd, 3.6.1-4+deb12u5 and 3.10.2-1+deb13u2 alike. */
const DEBIAN = readFileSync(new URL('../fixtures/cyrus-conf/debian.conf', import.meta.url), 'utf8');

/** What cyrus-imapd alone brings, of what stands there. */
const IMAPD = ['imapd', 'lmtpd', 'timsieved', 'notifyd'];

function judged(text: string, programs: readonly string[]): string[] {
  return judgeCyrusConf(text, (program) => programs.includes(program)).map(
    ({ state, text, fix }) => `${state}: ${text}${fix === null ? '' : ` → ${fix}`}`,
  );
}

describe('the services of cyrus.conf', () => {
  test("Debian's, with cyrus-imapd alone: three lines keep Cyrus from starting", () => {
    expect(judged(DEBIAN, IMAPD)).toEqual(
      [
        ['pop3', 'pop3d'],
        ['nntp', 'nntpd'],
        ['http', 'httpd'],
      ].map(
        ([name, program]) =>
          `problem: the service ${name} starts ${program}, which is not installed: Cyrus does not start → in cyrus.conf put a # before the line of ${name}, or install the package that has ${program}`,
      ),
    );
  });

  test('with those lines commented out, or the programs there, it is well', () => {
    const commented = DEBIAN.replace(/^(\t(?:pop3|nntp|http)\t)/gm, '#$1');
    for (const told of [judged(commented, IMAPD), judged(DEBIAN, [...IMAPD, 'pop3d', 'nntpd', 'httpd'])])
      expect(told).toEqual(['ok: each service has its program']);
  });

  test.each([
    ['nothing', ''],
    ['no section', 'imap cmd="none"\n'],
    ['another section', 'START {\n  a cmd="none"\n}\nEVENTS {\n  b cmd="none -x" at=0400\n}\n'],
    ['a section without an end', 'SERVICES {\n  a cmd="none"\n'],
  ])('%s is not judged', (_, text) => {
    expect(judged(text, [])).toEqual(['ok: each service has its program']);
  });
});

describe('notifyd in cyrus.conf', () => {
  const options = { socket: '/run/cyrus/socket/notify', file: '/etc/cyrus.conf' };

  test("is started by Debian's", () => {
    expect(judgeNotifyd(DEBIAN, options)).toEqual([]);
  });

  test('whose line is missing, or a comment, is a problem with the line', () => {
    const without = DEBIAN.replace(/^\s*notify\s.*$/m, '');
    const commented = DEBIAN.replace(/^\s*notify\s/m, '# notify ');
    for (const text of [without, commented])
      expect(judgeNotifyd(text, options)).toMatchObject([
        {
          state: 'problem',
          text: 'no service starts notifyd: nobody hears of events',
          fix: 'in /etc/cyrus.conf, SERVICES: notify cmd="notifyd" listen="/run/cyrus/socket/notify" proto="udp" prefork=1; then restart Cyrus',
        },
      ]);
  });

  test('that listens elsewhere is a problem', () => {
    expect(judgeNotifyd(DEBIAN, { ...options, socket: '/x' })[0]?.text).toBe(
      'notifyd listens on /run/cyrus/socket/notify, and notifysocket is /x',
    );
  });
});
