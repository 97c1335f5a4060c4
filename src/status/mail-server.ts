import type { Config } from '../config/config.ts';
import { notifySocketOf, readImapdConf, readImapdLines } from '../config/imapd-conf.ts';
import { groupsIn, mistakesIn, WANTED_GROUPS } from '../config/imapd-mistakes.ts';
import { OperatorError } from '../process/errors.ts';
import { isListenedOn } from '../sockets/bound.ts';
import { attention, broken, type Finding } from './finding.ts';
import { isThere } from './closed.ts';

/** What tells of mail on this host. */
export interface MailServer {
  /** The user that Cyrus runs us as; undefined where no Cyrus tells of mail. */
  cyrusUser: string | undefined;
  /** What notifyd starts for each event; undefined where Cyrus speaks to `serve` itself. */
  handler: string | undefined;
  /** The doors of `serve` without which nobody tells. */
  doors: string[];
  findings: Finding[];
}

/** The devices by the server they came from. */
export interface Devices {
  targets: number;
  ofCyrus: number;
}

/** Reads imapd.conf, if there is one; of Dovecot, its devices and its door are known. */
export function lookAtMailServer(config: Config, devices: Devices): MailServer {
  const others = devices.targets - devices.ofCyrus;
  const { http } = config.serve;
  const doors = http !== undefined && others > 0 ? [http] : [];
  const nothing: MailServer = { cyrusUser: undefined, handler: undefined, doors, findings: [] };
  const isElsewhere = devices.ofCyrus === 0 && (http !== undefined || others > 0);
  if (isElsewhere) return nothing;
  const { options, findings } = optionsOf(config.imapdConf, devices);
  if (options === undefined) return { ...nothing, findings };
  const cyrus = judgeCyrus(options, config, devices);
  return { ...cyrus, doors: [...doors, ...cyrus.doors] };
}

type Options = ReadonlyMap<string, string>;

function judgeCyrus(options: Options, { imapdConf, serve }: Config, { targets }: Devices): MailServer {
  const cyrusUser = options.get('cyrus_user') ?? 'cyrus';
  const findings = [
    ...mistakesIn(readImapdLines(imapdConf)).map(({ text, fix }) => attention(text, fix)),
    ...judgeEvents(options, imapdConf),
    ...judgeRegistration(options, imapdConf, targets),
  ];
  const socket = notifySocketOf(options);
  // In this form of the socket Cyrus connects to `serve` by itself.
  const [, dlist] = /^dlist:(.*)$/.exec(socket ?? '') ?? [];
  if (dlist !== undefined) {
    const all = [...findings, ...judgeDoor(dlist, serve.cyrusSocket)];
    return { cyrusUser, handler: undefined, doors: [dlist], findings: all };
  }
  const handler = options.get('notify_external');
  const all = [...findings, ...judgeNotifyd(socket), ...judgeHandler(handler, imapdConf)];
  return { cyrusUser, handler, doors: [], findings: all };
}

function optionsOf(
  file: string,
  { ofCyrus }: Devices,
): { options: Options | undefined; findings: Finding[] } {
  try {
    const { options, missing } = readImapdConf(file);
    if (!missing) return { options, findings: [] };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { options: undefined, findings: [broken(error.message, error.hint)] };
  }
  const fix = 'for Cyrus, set imapd_conf to its file';
  if (ofCyrus > 0)
    return {
      options: undefined,
      findings: [attention(`there is no ${file}, and devices came by Cyrus`, fix)],
    };
  const text = `no mail server tells of mail: there is no ${file}, serve.http is not set, and no device came by Dovecot`;
  return { options: undefined, findings: [broken(text, `${fix}; for Dovecot, see docs/dovecot.md`)] };
}

function judgeEvents(options: Options, file: string): Finding[] {
  const notifier = options.get('event_notifier');
  if (notifier !== 'external') {
    const text = `Cyrus tells of nothing: event_notifier is ${notifier ?? 'not set'} in ${file}`;
    return [broken(text, `in ${file}: event_notifier: external`)];
  }
  if (groupsIn(options).includes('message')) return [];
  return [broken(`Cyrus does not tell of new mail: event_groups in ${file} lacks message`, groupsFix(file))];
}

function groupsFix(file: string): string {
  return `in ${file}: ${WANTED_GROUPS}`;
}

/** Devices that are there get pushes all the same, until they would have to register again. */
function judgeRegistration(options: Options, file: string, targets: number): Finding[] {
  const judge = targets === 0 ? broken : attention;
  const missing: Finding[] = [];
  if (!options.has('aps_topic'))
    missing.push(
      judge(
        `no device can register: aps_topic is not set in ${file}`,
        `in ${file}: aps_topic: and the topic that xapplepush cert show tells`,
      ),
    );
  if (!groupsIn(options).includes('applepushservice'))
    missing.push(
      judge(`no device can register: event_groups in ${file} lacks applepushservice`, groupsFix(file)),
    );
  return missing;
}

/** Cyrus goes on without notifyd, and says nothing. */
function judgeNotifyd(socket: string | undefined): Finding[] {
  if (socket === undefined || isListenedOn(socket)) return [];
  return [broken(`notifyd does not run: nobody listens on ${socket}`, NOTIFYD_FIX)];
}

const NOTIFYD_FIX = 'start Cyrus, with notifyd in SERVICES of cyrus.conf';

function judgeHandler(handler: string | undefined, file: string): Finding[] {
  const fix = `in ${file}: notify_external: /usr/bin/xapplepush, or where that is`;
  if (handler === undefined)
    return [broken(`notifyd starts nothing: notify_external is not set in ${file}`, fix)];
  if (isThere(handler)) return [];
  return [broken(`notifyd cannot start ${handler}, of notify_external in ${file}: it is not there`, fix)];
}

function judgeDoor(path: string, door: string | undefined): Finding[] {
  if (path === door) return [];
  const text = `Cyrus tells dlist:${path}, and serve.cyrus_socket is ${door ?? 'not set'}`;
  return [broken(text, `set serve.cyrus_socket to ${path}, and run serve`)];
}
