import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runsFlush } from './cyrus-conf.ts';
import { type Point, ok, problem, warning } from './point.ts';

export const FLUSH = 'flush';

/** Who comes for what waits, though no event arrives. */
export interface Collectors {
  /** The text of cyrus.conf; undefined where there is none. */
  cyrusConf: string | undefined;
  /** Whether a `serve` is running. */
  serves: boolean;
  /** Whether the hosts share a store: then nobody but a `serve` sends anything. */
  isShared?: boolean;
  /** The root folder of the system, for cron(8) and systemd. */
  root?: string;
}

/** The folders in which systemd notes what is enabled, for the units of examples/systemd. */
const UNITS = [
  ['timers.target.wants/xapplepush-flush.timer', 'xapplepush-flush.timer'],
  ['multi-user.target.wants/xapplepush.service', 'xapplepush.service'],
] as const;

/** cron(8) of Debian and Fedora. */
const CRON_FILES = ['etc/crontab', 'etc/anacrontab'];
const CRON_FOLDERS = ['etc/cron.d', 'etc/cron.hourly', 'var/spool/cron/crontabs', 'var/spool/cron'];

/** Whether what waits is sent in time: by `serve`, or by `flush` every few minutes. */
export function checkFlush({ cyrusConf, serves, isShared, root = '/' }: Collectors): Point {
  if (serves) return ok(FLUSH, 'xapplepush serve runs, which sends what waits');
  if (isShared === true)
    return problem(
      FLUSH,
      'no xapplepush serve runs on this host, and with a store at postgresql://… only it takes events from the spool',
      'start xapplepush serve; there is no flush in its place',
    );
  const found = collectorIn(cyrusConf, root);
  if (found !== undefined) return ok(FLUSH, `${found} has what waits sent`);
  return warning(
    FLUSH,
    'nobody runs xapplepush flush, and no serve: what Apple did not take at once waits for the next event',
    cyrusConf === undefined
      ? 'systemctl enable --now xapplepush-flush.timer (examples/systemd), or run xapplepush serve'
      : 'in cyrus.conf, EVENTS: xapplepush cmd="/usr/bin/xapplepush flush" period=5; then restart Cyrus',
  );
}

/** What runs `flush`; undefined where nothing does. */
function collectorIn(cyrusConf: string | undefined, root: string): string | undefined {
  if (runsFlush(cyrusConf ?? '')) return 'cyrus.conf';
  const unit = UNITS.find(([path]) => existsSync(join(root, 'etc/systemd/system', path)))?.[1];
  return unit ?? cronFiles(root).find(runsFlushInCron);
}

function cronFiles(root: string): string[] {
  const folders = CRON_FOLDERS.map((folder) => join(root, folder));
  return [
    ...CRON_FILES.map((file) => join(root, file)),
    ...folders.flatMap((folder) => namesIn(folder).map((name) => join(folder, name))),
  ];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // none, or not for this user
  }
}

function runsFlushInCron(file: string): boolean {
  try {
    return /^[^#\n]*xapplepush\b.* flush\b/m.test(readFileSync(file, 'utf8'));
  } catch {
    return false; // a folder, or not for this user
  }
}
