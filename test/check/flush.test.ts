import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { checkFlush } from '../../src/check/flush.ts';
import { temporaryFolder } from '../support/store.ts';

const CYRUS_CONF = 'EVENTS {\n  xapplepush  cmd="/usr/bin/xapplepush flush" period=5\n}\n';

/** A system that has this file. */
function system(path?: string, text = ''): string {
  const root = temporaryFolder();
  if (path !== undefined) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const stateOf = (root: string, cyrusConf?: string, serves = false): string =>
  checkFlush({ cyrusConf, serves, root }).state;

test.each([
  ['etc/crontab', '*/5 * * * * cyrus /usr/bin/xapplepush flush >/dev/null\n'],
  ['etc/cron.d/xapplepush', '*/5 * * * * cyrus /usr/bin/xapplepush --config /x flush\n'],
  ['etc/systemd/system/timers.target.wants/xapplepush-flush.timer', ''],
  ['etc/systemd/system/multi-user.target.wants/xapplepush.service', ''],
])('%s has what waits sent', (path, text) => {
  expect(stateOf(system(path, text))).toBe('ok');
});

test('so do cyrus.conf and a serve', () => {
  expect(stateOf(system(), CYRUS_CONF)).toBe('ok');
  expect(stateOf(system(), undefined, true)).toBe('ok');
});

test('without them it is a warning, with the line that fits the host', () => {
  expect(stateOf(system('etc/crontab', '# xapplepush flush\n'))).toBe('warning');
  const commented = CYRUS_CONF.replace('  xapp', '  # xapp');
  expect(checkFlush({ cyrusConf: commented, serves: false, root: system() })).toMatchObject({
    state: 'warning',
    fix: expect.stringContaining('cmd="/usr/bin/xapplepush flush" period=5') as string,
  });
  expect(checkFlush({ cyrusConf: undefined, serves: false, root: system() }).fix).toContain(
    'xapplepush-flush.timer',
  );
});
