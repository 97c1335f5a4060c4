import { request } from 'node:http';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { ProxyConfig } from '../config/config.ts';
import { OperatorError } from '../process/errors.ts';
import { readPassword } from '../process/password-file.ts';
import { ADDRESS_ATTEMPT_MS, authorityOf, causeOf, hostOf, portOf } from './dial.ts';
import { ProxyFault, refusalOf } from './proxy-answer.ts';

/**
 * A connection that the proxy has made to the server, for TLS between us and that (RFC 9110, 9.3.6). Throws ProxyFault.
 * What the proxy says besides its status is not read: it may repeat the password.
 */
export async function openTunnel(proxy: ProxyConfig, server: URL, timeoutMs: number): Promise<Socket> {
  const authorization = authorizationOf(proxy);
  const socket = connectTo(new URL(proxy.address));
  const silence = new ProxyFault(`the proxy does not answer within ${timeoutMs} ms`, WRONG_ADDRESS);
  const timer = setTimeout(() => socket.destroy(silence), timeoutMs);
  try {
    const status = await answerTo(socket, authorityOf(server), authorization);
    if (status < 200 || status > 299) throw refusalOf(status, proxy);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error instanceof ProxyFault ? error : faultOf(error);
  } finally {
    clearTimeout(timer);
  }
}

/** RFC 7617, 2. */
function authorizationOf({ passwordFile }: ProxyConfig): Record<string, string> {
  if (passwordFile === undefined) return {};
  try {
    const line = readPassword('apns.proxy_password_file', passwordFile);
    return { 'Proxy-Authorization': `Basic ${Buffer.from(line).toString('base64')}` };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new ProxyFault(error.message, error.hint);
  }
}

function connectTo(url: URL): Socket {
  const options: TcpNetConnectOpts = {
    host: hostOf(url),
    port: portOf(url),
    autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
  };
  // Every failure reaches us by way of the request or TLS; without a listener Node would end the process.
  return connect(options).on('error', () => undefined);
}

/** The status of the proxy's answer to CONNECT. */
function answerTo(socket: Socket, authority: string, authorization: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      path: authority,
      headers: { Host: authority, ...authorization },
      createConnection: () => socket,
    });
    asked.on('connect', ({ statusCode = 0 }, _socket, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(statusCode);
    });
    asked.on('error', reject);
    asked.end();
  });
}

function faultOf(error: unknown): ProxyFault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('HPE_')) return new ProxyFault('the answer of the proxy is not HTTP', WRONG_ADDRESS);
  if (/^(ECONNRESET|EPIPE)$/.test(code))
    return new ProxyFault('the proxy has closed the connection without an answer', WRONG_ADDRESS);
  return new ProxyFault(`the proxy cannot be reached: ${causeOf(error)}`, WRONG_ADDRESS);
}

const WRONG_ADDRESS = 'correct apns.proxy, or see to it that an HTTP proxy answers there';
