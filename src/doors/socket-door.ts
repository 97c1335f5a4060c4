import type { Config, ServeConfig } from '../config/config.ts';
import type { Log } from '../process/log.ts';
import type { Listening } from '../sockets/listening.ts';
import type { Door } from './door.ts';
import { nameOfPlace } from './http-listen.ts';
import type { OpenDoor } from './wanted-doors.ts';

interface SocketDoor {
  kind: 'cyrus' | 'dict';
  /** The key of the configuration that names it. */
  setting: string;
  path: string | readonly number[];
  log: Pick<Log, 'warn'>;
}

/** A door at a Unix socket, which another configuration does not change. */
export function socketDoor(
  door: Door & { at: Listening['at'] },
  { kind, setting, path, log }: SocketDoor,
  config: Config,
  key: keyof Pick<ServeConfig, 'cyrusSocket' | 'dict'>,
): Required<Pick<OpenDoor, 'name' | 'close' | 'change'>> {
  const change = ({ serve }: Config): void => {
    const configured = serve[key];
    if (configured !== undefined) tellOther(setting, `unix:${configured}`, door.at, log);
  };
  change(config);
  return { close: () => door.close(), change, name: nameOfDoor(kind, path, door.at) };
}

export function nameOfDoor(kind: string, where: string | readonly number[], at: Listening['at']): string {
  const whose = typeof where === 'string' ? '' : ' of systemd';
  return `${kind} ${at.map((place) => nameOfPlace(place).replace(/^unix:/, '')).join(', ')}${whose}`;
}

/** A door that systemd hands over is the one: whoever looks where the configuration says finds nobody. */
export function tellOther(
  key: string,
  configured: string,
  at: Listening['at'],
  log: Pick<Log, 'warn'>,
): void {
  const handedOver = at.map(nameOfPlace);
  if (handedOver.includes(configured)) return;
  log.warn('systemd hands over a socket other than the one that is configured, which nobody listens on', {
    setting: key,
    configured,
    handedOver,
    hint: 'let the .socket unit and the configuration name the same',
  });
}
