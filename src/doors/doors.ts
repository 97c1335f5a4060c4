import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { ExitCode, messageOf, OperatorError } from '../errors.ts';
import type { Log } from '../log.ts';
import { openCyrusDoor } from './cyrus.ts';
import type { Door } from './door.ts';
import { type HttpDoor, openHttpDoor } from './http.ts';
import type { Receive } from './receive.ts';
import { openSpoolDoor } from './spool.ts';

export interface DoorsOptions {
  config: Config;
  receive: Receive;
  /** Takes every file that waits in the spool. */
  takeSpool: () => Promise<void>;
  ready: () => { ready: boolean; reason?: string };
  /** Prometheus text. */
  metrics: () => Promise<string>;
  clock: Clock;
  log: Log;
}

export interface Doors extends Door {
  /** What is open, for the log. */
  names: string[];
}

/** Opens the doors that the configuration names, all or none. Throws OperatorError where one cannot be opened. */
export async function openDoors(options: DoorsOptions): Promise<Doors> {
  const { config, receive, log } = options;
  const { cyrusSocket, http } = config.serve;
  const open: [string, Door][] = [];
  const close = async (): Promise<void> => {
    await Promise.all(open.map(([, door]) => door.close()));
  };
  try {
    const { spool } = config;
    open.push([
      `spool ${spool}`,
      openSpoolDoor({ spool, drain: options.takeSpool, clock: options.clock, log }),
    ]);
    if (cyrusSocket !== undefined)
      open.push([`cyrus ${cyrusSocket}`, await openCyrusDoor({ path: cyrusSocket, receive, log })]);
    if (http !== undefined) {
      const door = await openHttp(http, options);
      open.push([`http ${door.address}`, door]);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { close, names: open.map(([name]) => name) };
}

function openHttp(listen: string, { config, receive, ready, metrics, log }: DoorsOptions): Promise<HttpDoor> {
  const { httpPasswordFile, metrics: withMetrics } = config.serve;
  return openHttpDoor({
    listen,
    receive,
    ready,
    log,
    ...(withMetrics && { metrics }),
    ...(httpPasswordFile !== undefined && { authorization: readPassword(httpPasswordFile) }),
  });
}

/** `name:password`, one line. Throws OperatorError (exit 78), which never shows what the file holds. */
function readPassword(file: string): string {
  const refuse = (why: string): OperatorError =>
    new OperatorError(`serve.http_password_file: ${file} ${why}`, {
      exitCode: ExitCode.configuration,
      hint: 'write one line name:password into it, readable by the user that serve runs as',
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw refuse(`cannot be read (${messageOf(error)})`);
  }
  const line = text.replace(/\r?\n$/, '');
  if (!/^[^:\r\n]+:[^\r\n]+$/.test(line)) throw refuse('does not hold one line name:password');
  return line;
}
