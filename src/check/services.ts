import { readFileSync } from 'node:fs';
import { connect as connectSocket, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { hostOf, portOf } from '../apns/dial.ts';
import type { Config } from '../config/config.ts';
import { isMissing, messageOf } from '../process/errors.ts';
import { keyFileOf } from '../services/webpush/key-file.ts';
import { vapidKeyOf } from '../services/webpush/vapid.ts';
import { ok, type Point, problem } from './point.ts';

export const WEB_PUSH_KEY = 'Web Push: key';
export const DELTA_CHAT = 'Delta Chat';
export const WEBHOOK = 'Webhook';
export const DICT_SOCKET = 'METADATA socket';
export const OF_SERVICES = [WEB_PUSH_KEY, DELTA_CHAT, WEBHOOK, DICT_SOCKET];

type ServicesConfig = Pick<Config, 'store' | 'serve' | 'deltachat' | 'webpush' | 'webhook'>;

/** What is switched on beside Apple, as the owner of the database; nobody is sent anything. */
export async function checkServices(config: ServicesConfig, timeoutMs: number): Promise<Point[]> {
  const { deltachat, webpush, webhook, serve } = config;
  const points: Promise<Point>[] = [
    ...(webpush.enabled ? [Promise.resolve(checkKey(keyFileOf(config)))] : []),
    ...(deltachat.enabled ? [checkReach(DELTA_CHAT, deltachat.notify, timeoutMs)] : []),
    ...webhook.urls.map((url) => checkReach(WEBHOOK, url, timeoutMs)),
    ...(serve.dict === undefined ? [] : [checkDict(serve.dict, timeoutMs)]),
  ];
  return Promise.all(points);
}

function checkKey(file: string): Point {
  try {
    vapidKeyOf(readFileSync(file, 'utf8'));
    return ok(WEB_PUSH_KEY, `${file} is one`);
  } catch (error) {
    if (isMissing(error)) return ok(WEB_PUSH_KEY, `${file} is made with the first notice; back it up then`);
    const fix = `put the key back that apps have subscribed by, in PEM, for xapplepush's user to read: ${file}`;
    return problem(WEB_PUSH_KEY, `${file} cannot be used: ${messageOf(error)}`, fix);
  }
}

/** Whether somebody answers there whom we trust; no path of it is shown, since it may be a secret. */
async function checkReach(point: string, address: string, timeoutMs: number): Promise<Point> {
  const url = new URL(address);
  try {
    return ok(point, `${url.host} answers${await greeted(url, timeoutMs)}`);
  } catch (error) {
    const fix = `let this host connect to port ${portOf(url)} of ${url.hostname}, and see that its certificate holds`;
    return problem(point, `${url.host}: ${messageOf(error)}`, fix);
  }
}

function greeted(url: URL, timeoutMs: number): Promise<string> {
  const isPlain = url.protocol === 'http:';
  const to = { host: hostOf(url), port: portOf(url) };
  const servername = isIP(to.host) === 0 ? to.host : '';
  const socket = isPlain ? connectSocket(to) : connectTls({ ...to, servername });
  return new Promise((resolve, reject) => {
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    socket.once('error', reject);
    socket.once(isPlain ? 'connect' : 'secureConnect', () => {
      socket.destroy();
      resolve(isPlain ? '' : ', and we trust it');
    });
  });
}

/** As a process of Dovecot asks: for an entry that nobody has. */
const QUESTION = 'H3\t2\t0\t\tmetadata\nLpriv/xapplepush-check/none\txapplepush-check\n';

async function checkDict(path: string, timeoutMs: number): Promise<Point> {
  try {
    const answer = await asked(path, timeoutMs);
    if (answer.startsWith('N')) return ok(DICT_SOCKET, `serve answers at ${path}`);
    return problem(DICT_SOCKET, `at ${path}: ${answer.trim()}`, 'the log of serve says why it cannot answer');
  } catch (error) {
    const fix = 'start xapplepush serve, or let systemd hold the socket (docs/metadata.md)';
    return problem(DICT_SOCKET, `nobody answers at ${path}: ${messageOf(error)}`, fix);
  }
}

function asked(path: string, timeoutMs: number): Promise<string> {
  const socket = connectSocket(path);
  return new Promise((resolve, reject) => {
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    socket.once('error', reject);
    socket.once('end', () => reject(new Error('it ends the connection')));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
    socket.write(QUESTION);
  });
}
