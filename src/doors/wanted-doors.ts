import type { Config } from '../config/config.ts';
import { type ControlHears, openHandedOverControl } from '../delivery/control.ts';
import { type Answer, answerOf } from '../delivery/poke.ts';
import { readPassword } from '../process/password-file.ts';
import { openCyrusDoor } from './cyrus.ts';
import type { Door } from './door.ts';
import type { DoorsOptions } from './doors.ts';
import { placeOf as addressOf } from './http-address.ts';
import { nameOfPlace } from './http-listen.ts';
import type { PortPatience } from './http-port.ts';
import { type HttpSettings, openHttpDoor } from './http.ts';
import type { Listening } from '../sockets/listening.ts';
import { openSpoolDoor } from './spool.ts';

/** At most one is open of each. */
export type DoorKind = 'spool' | 'control' | 'control of systemd' | 'cyrus' | 'http';

export interface WantedDoor {
  kind: DoorKind;
  /** Another place is another door. */
  place: string;
  /** Throws OperatorError. */
  open: (opening: Opening) => Promise<OpenDoor> | OpenDoor;
  /** Throws OperatorError where no other time can be better; done before anything is taken from another `serve`. */
  check?: () => void;
}

/** How it is waited for whoever is in the way and may make room. */
export type Opening = Pick<PortPatience, 'isPatient' | 'ending'>;

export interface OpenDoor extends Door {
  /** For the log. */
  name: string;
  /** The address of an HTTP door that this process has opened; another `serve` may ask for it. */
  address?: string;
  /** Takes on what does not need another door. */
  change?: (config: Config) => void;
}

/** What a configuration, and systemd, want to be open; `set` is asked for an address that another `serve` wants. */
export function wantedDoors(
  config: Config,
  options: DoorsOptions,
  set: { yieldsAt: Required<ControlHears>['onYield'] },
): WantedDoor[] {
  const { spool, control, store } = config;
  const { takeSpool, clock, log, handedOver } = options;
  const wanted: WantedDoor[] = [
    {
      kind: 'spool',
      place: spool,
      open: () => ({ ...openSpoolDoor({ spool, drain: takeSpool, clock, log }), name: `spool ${spool}` }),
    },
  ];
  const cyrus = handedOver.cyrus.length > 0 ? handedOver.cyrus : config.serve.cyrusSocket;
  const http = handedOver.http.length > 0 ? handedOver.http : config.serve.http;
  if (cyrus !== undefined)
    wanted.push({ kind: 'cyrus', place: placeOf(cyrus), open: () => openCyrus(cyrus, config, options) });
  if (http !== undefined)
    wanted.push({
      kind: 'http',
      place: placeOf(http),
      open: (opening) => openHttp(http, config, options, opening),
      check: () => checkAddress(http, config),
    });
  if (handedOver.control.length > 0)
    wanted.push({
      kind: 'control of systemd',
      place: SYSTEMD,
      open: () => openControlOfSystemd(config, options, set.yieldsAt),
    });
  // The last, since it says to handlers that somebody delivers.
  wanted.push({
    kind: 'control',
    place: `${store} ${control}`,
    open: () => openControl(config, options, set.yieldsAt),
  });
  return wanted;
}

function checkAddress(http: string | readonly number[], { serve }: Config): void {
  if (typeof http === 'string') addressOf(http, serve.httpPasswordFile !== undefined);
}

/** Stands for whatever systemd holds: that is the same all our life. */
const SYSTEMD = 'systemd';

function placeOf(where: string | readonly number[]): string {
  return typeof where === 'string' ? where : SYSTEMD;
}

async function openCyrus(
  path: string | readonly number[],
  config: Config,
  { receive, onReplaced, clock, log }: DoorsOptions,
): Promise<OpenDoor> {
  const door = await openCyrusDoor({ path, receive, onReplaced, clock, log });
  const change = ({ serve }: Config): void => {
    if (serve.cyrusSocket !== undefined)
      tellOther('serve.cyrus_socket', `unix:${serve.cyrusSocket}`, door.at, log);
  };
  change(config);
  return { close: () => door.close(), change, name: nameOfDoor('cyrus', path, door.at) };
}

async function openHttp(
  listen: string | readonly number[],
  config: Config,
  options: DoorsOptions,
  opening: Opening,
): Promise<OpenDoor> {
  const { receive, ready, onReplaced, clock, log } = options;
  const askToYield = (address: string): Promise<Answer> => answerOf(config.control, `yield ${address}`);
  const door = await openHttpDoor({
    ...{ listen, receive, ready, onReplaced, askToYield, ...opening, clock, log },
    ...httpSettings(config, options),
  });
  const isOurs = typeof listen === 'string';
  const tell = ({ serve }: Config): void => {
    if (!isOurs && serve.http !== undefined) tellOther('serve.http', serve.http, door.at, log);
  };
  tell(config);
  return {
    name: isOurs ? `http ${door.address}` : nameOfDoor('http', listen, door.at),
    ...(isOurs && { address: door.address }),
    change: (next) => {
      door.change(httpSettings(next, options));
      tell(next);
    },
    close: () => door.close(),
  };
}

function httpSettings(
  { serve, webpush }: Config,
  { metrics, page, subscriptions }: DoorsOptions,
): HttpSettings {
  return {
    subscriptions: webpush.enabled ? subscriptions : undefined,
    metrics: serve.metrics ? metrics : undefined,
    page: serve.status ? page : undefined,
    padsTopic: serve.pluginPadding,
    tls: serve.tls,
    authorization:
      serve.httpPasswordFile === undefined
        ? undefined
        : readPassword('serve.http_password_file', serve.httpPasswordFile),
  };
}

async function openControlOfSystemd(
  { control }: Config,
  { onWord, onReplaced, clock, log, handedOver }: DoorsOptions,
  onYield: Required<ControlHears>['onYield'],
): Promise<OpenDoor> {
  const fds = handedOver.control;
  const opened = await openHandedOverControl(fds, { onWord, onYield }, { onReplaced, clock, log });
  const { at } = opened;
  const change = (config: Config): void => tellOther('control', `unix:${config.control}`, at, log);
  tellOther('control', `unix:${control}`, at, log);
  return { close: () => opened.close(), change, name: nameOfDoor('control', fds, at) };
}

function openControl(
  config: Config,
  { keepControl }: DoorsOptions,
  onYield: Required<ControlHears>['onYield'],
): OpenDoor {
  const ending = new AbortController();
  const kept = keepControl(config, onYield, ending.signal);
  return {
    name: `control ${config.control}`,
    close: () => {
      ending.abort();
      return kept;
    },
  };
}

function nameOfDoor(kind: string, where: string | readonly number[], at: Listening['at']): string {
  const whose = typeof where === 'string' ? '' : ' of systemd';
  return `${kind} ${at.map((place) => nameOfPlace(place).replace(/^unix:/, '')).join(', ')}${whose}`;
}

/** A door that systemd hands over is the one: whoever looks where the configuration says finds nobody. */
function tellOther(key: string, configured: string, at: Listening['at'], log: DoorsOptions['log']): void {
  const handedOver = at.map(nameOfPlace);
  if (handedOver.includes(configured)) return;
  log.warn('systemd hands over a socket other than the one that is configured, which nobody listens on', {
    setting: key,
    configured,
    handedOver,
    hint: 'let the .socket unit and the configuration name the same',
  });
}
