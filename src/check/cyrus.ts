import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type ImapdLine, notifySocketOf, readImapdConf, readImapdLines } from '../config/imapd-conf.ts';
import { mistakesIn } from '../config/imapd-mistakes.ts';
import { OperatorError } from '../process/errors.ts';
import { isListenedOn } from '../sockets/bound.ts';
import { CYRUS_CONF, judgeCyrusConf, judgeNotifyd, notifydLine } from './cyrus-conf.ts';
import { checkCyrusVersion, CYRUS_VERSION, packagedCyrus } from './cyrus-version.ts';
import { checkHandler, HANDLER, NOTIFY_EXTERNAL } from './handler.ts';
import {
  APS_TOPIC,
  type Covered,
  EVENT_CONTENT,
  EVENT_GROUPS,
  EVENT_NOTIFIER,
  judgeImapdConf,
  LOGIN,
} from './imapd-conf.ts';
import { placesIn } from './imapd-place.ts';
import { MAIL_USER } from './mail-user.ts';
import { type Point, ok, problem, skipped, skippedAll } from './point.ts';
import type { MailUser } from '../process/mail-user.ts';

export const IMAPD_CONF = 'imapd.conf';
export const NOTIFYSOCKET = 'notifysocket';

/** What there is of Cyrus on this host. */
export interface Cyrus {
  /** Undefined where imapd.conf is missing or cannot be read. */
  options?: ReadonlyMap<string, string>;
  /** imapd.conf, and its options with their places. */
  file: string;
  lines: readonly ImapdLine[];
  /** The text of cyrus.conf, which lies beside imapd.conf; undefined where it cannot be read. */
  cyrusConf?: string | undefined;
  point: Point;
}

/** Reads imapd.conf, if this is a host with Cyrus. */
export function findCyrus(file: string): Cyrus {
  const none = { file, lines: [] };
  try {
    const { options, missing } = readImapdConf(file);
    if (missing) return { ...none, point: ok(IMAPD_CONF, `there is no ${file}, so no Cyrus on this host`) };
    const cyrusConf = textOf(cyrusConfBeside(file));
    return { options, file, lines: readImapdLines(file), cyrusConf, point: ok(IMAPD_CONF, file) };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { ...none, point: problem(IMAPD_CONF, error.message, error.hint) };
  }
}

function cyrusConfBeside(file: string): string {
  return join(dirname(file), 'cyrus.conf');
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // nothing is said of what cannot be read
  }
}

const OF_HANDLER = [NOTIFY_EXTERNAL, HANDLER];
export const OF_CYRUS = [
  CYRUS_VERSION,
  ...[EVENT_NOTIFIER, EVENT_GROUPS, EVENT_CONTENT, APS_TOPIC, LOGIN, NOTIFYSOCKET],
  ...OF_HANDLER,
];

export interface CyrusOptions {
  user: MailUser | undefined;
  credentials: readonly Covered[] | undefined;
  /** `serve.cyrus_socket`. */
  serveSocket: string | undefined;
  environment: NodeJS.ProcessEnv;
  /** `targets.shared_mailboxes`. */
  sharedMailboxes: boolean;
}

/** The points of a host with Cyrus; none without it, and where imapd.conf cannot be read each is skipped. */
export function checkCyrus(cyrus: Cyrus, { user, credentials, ...rest }: CyrusOptions): Point[] {
  const { options, cyrusConf, file, lines, point } = cyrus;
  if (options === undefined)
    return point.state === 'ok' ? [point] : [point, ...skippedAll(OF_CYRUS, IMAPD_CONF)];
  const places = placesIn(file, lines);
  const mistakes = mistakesIn(lines).map(({ text, fix }) => problem(IMAPD_CONF, text, fix));
  const points = [
    ...(mistakes.length > 0 ? mistakes : [point]),
    checkCyrusVersion(rest.sharedMailboxes, packagedCyrus),
    ...(cyrusConf === undefined ? [] : checkServices(cyrusConf)),
    ...judgeImapdConf(options, credentials, { cyrusConf, places }),
  ];
  const socket = notifySocketOf(options);
  if (socket?.startsWith(DLIST) === true)
    return [...points, checkDlist(socket.slice(DLIST.length), rest.serveSocket), ...UNUSED];
  points.push(...checkNotifyd(socket, cyrus));
  if (user === undefined) return [...points, ...skippedAll(OF_HANDLER, MAIL_USER)];
  const { environment } = rest;
  const place = places.placeOf('notify_external');
  return [...points, ...checkHandler(options.get('notify_external'), user, { environment, place })];
}

/** Where master looks for programs, as Debian, Fedora, Arch and a build from source have it. */
const PROGRAMS = ['/usr/lib/cyrus/bin', '/usr/libexec/cyrus-imapd', '/usr/lib/cyrus', '/usr/cyrus/libexec'];

/** Nothing is said where the programs of Cyrus lie elsewhere. */
function checkServices(cyrusConf: string): Point[] {
  const folder = PROGRAMS.find((each) => existsSync(join(each, 'imapd')));
  if (folder === undefined) return [];
  return judgeCyrusConf(cyrusConf, (program) => existsSync(resolve(folder, program)));
}

/** Cyrus connects by itself to what stands behind this, without notifyd. */
const DLIST = 'dlist:';

const UNUSED = OF_HANDLER.map((point) => ok(point, 'not used: Cyrus connects to notifysocket by itself'));

/** In this form of the socket only `serve` answers. */
function checkDlist(path: string, serveSocket: string | undefined): Point {
  if (path !== serveSocket)
    return problem(
      NOTIFYSOCKET,
      `dlist:${path} is for xapplepush serve only, and serve.cyrus_socket is ${serveSocket ?? 'not set'}`,
      `set serve.cyrus_socket to ${path} and run serve; without serve, let notifysocket name the socket of notifyd`,
    );
  if (!existsSync(path))
    return problem(NOTIFYSOCKET, `there is no ${path}: nobody listens`, 'start xapplepush serve');
  if (!isListenedOn(path))
    return problem(NOTIFYSOCKET, `nobody listens on ${path} any more`, 'start xapplepush serve');
  return ok(NOTIFYSOCKET, `dlist:${path}, which xapplepush serve listens on`);
}

/** Whether master starts notifyd, and whether that is there now. */
function checkNotifyd(socket: string | undefined, { file, cyrusConf }: Cyrus): Point[] {
  if (socket === undefined) return [skipped(NOTIFYSOCKET, 'configdirectory in imapd.conf')];
  const conf = cyrusConfBeside(file);
  const wrong = cyrusConf === undefined ? [] : judgeNotifyd(cyrusConf, { socket, file: conf });
  if (wrong.length > 0) return [...wrong, skipped(NOTIFYSOCKET, CYRUS_CONF)];
  const fix =
    cyrusConf === undefined
      ? `in ${conf}, SERVICES: ${notifydLine(socket)}; then restart Cyrus`
      : 'start Cyrus, or see in its log why notifyd does not start';
  return [checkSocket(socket, fix)];
}

function checkSocket(path: string, fix: string): Point {
  if (!existsSync(path)) return problem(NOTIFYSOCKET, `there is no ${path}: notifyd does not run`, fix);
  if (!statSync(path).isSocket())
    return problem(NOTIFYSOCKET, `${path} is no socket`, `remove it and restart Cyrus: rm ${path}`);
  if (!isListenedOn(path))
    return problem(
      NOTIFYSOCKET,
      `nobody listens on ${path}: notifyd does not run, and has left its socket`,
      fix,
    );
  return ok(NOTIFYSOCKET, path);
}
