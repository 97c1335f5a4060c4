import type { Config } from '../config/config.ts';
import { type ControlHears, openHandedOverControl } from '../delivery/control.ts';
import { type Answer, answerOf } from '../delivery/poke.ts';
import type { HandedOver } from '../process/handed-over.ts';
import { readPassword } from '../process/password-file.ts';
import { openCyrusDoor } from './cyrus.ts';
import type { Door } from './door.ts';
import type { DoorsOptions } from './doors.ts';
import { placeOf as addressOf } from './http-address.ts';
import type { PortPatience } from './http-port.ts';
import { type HttpSettings, openHttpDoor } from './http.ts';
import { nameOfDoor, socketDoor, tellOther } from './socket-door.ts';
import { openSpoolDoor } from './spool.ts';

/** At most one is open of each. */
export type DoorKind = 'spool' | 'control' | 'control of systemd' | 'cyrus' | 'http' | 'dict';

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
  const { control, store } = config;
  const { handedOver } = options;
  const wanted: WantedDoor[] = [
    { kind: 'spool', place: config.spool, open: () => openSpool(config, options) },
  ];
  const { cyrus, http, dict } = placesOf(config, handedOver);
  if (cyrus !== undefined)
    wanted.push({ kind: 'cyrus', place: placeOf(cyrus), open: () => openCyrus(cyrus, config, options) });
  if (dict !== undefined)
    wanted.push({ kind: 'dict', place: placeOf(dict), open: () => openDict(dict, config, options) });
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

type Place = string | readonly number[] | undefined;

/** What systemd hands over is used, whatever is configured. */
function placesOf(
  { serve }: Config,
  { cyrus, http, dict }: HandedOver,
): Record<'cyrus' | 'http' | 'dict', Place> {
  const either = (fds: readonly number[], configured: string | undefined): Place =>
    fds.length > 0 ? fds : configured;
  return {
    cyrus: either(cyrus, serve.cyrusSocket),
    http: either(http, serve.http),
    dict: either(dict, serve.dict),
  };
}

function checkAddress(http: string | readonly number[], { serve }: Config): void {
  if (typeof http === 'string') addressOf(http, serve.httpPasswordFile !== undefined);
}

/** Stands for whatever systemd holds: that is the same all our life. */
const SYSTEMD = 'systemd';

function placeOf(where: string | readonly number[]): string {
  return typeof where === 'string' ? where : SYSTEMD;
}

function openSpool({ spool }: Config, { takeSpool, clock, log }: DoorsOptions): OpenDoor {
  return { ...openSpoolDoor({ spool, drain: takeSpool, clock, log }), name: `spool ${spool}` };
}

async function openCyrus(
  path: string | readonly number[],
  config: Config,
  { receive, onReplaced, clock, log }: DoorsOptions,
): Promise<OpenDoor> {
  const door = await openCyrusDoor({ path, receive, onReplaced, clock, log });
  return socketDoor(door, { kind: 'cyrus', setting: 'serve.cyrus_socket', path, log }, config, 'cyrusSocket');
}

/** Its code is loaded by who has one. */
async function openDict(...given: Parameters<typeof openCyrus>): Promise<OpenDoor> {
  return (await import('./open-dict.ts')).openDict(...given);
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
