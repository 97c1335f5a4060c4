import type { ProxyConfig } from '../config/config.ts';

/** Why there is no way through the proxy. It says nothing of Apple, nor of a push. */
export class ProxyFault extends Error {
  /** What to do about it. */
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = 'ProxyFault';
    this.hint = hint;
  }
}

/** What a status other than 2xx means as the answer to CONNECT. Pure. */
export function refusalOf(status: number, { passwordFile }: ProxyConfig): ProxyFault {
  switch (status) {
    case 401: // tinyproxy's, to a wrong password
    case 407:
      return passwordFile === undefined
        ? new ProxyFault(
            `the proxy asks for a name and password (${status}): set apns.proxy_password_file`,
            'write one line name:password into a file that only this program can read, and name it by that key',
          )
        : new ProxyFault(
            `the proxy refuses the name or password (${status}): correct the content of apns.proxy_password_file`,
            `correct name:password in ${passwordFile}`,
          );
    case 403:
      return new ProxyFault(
        'the proxy forbids this connection (403)',
        "allow CONNECT to apns.server in the proxy's configuration",
      );
    case 500:
    case 502:
    case 503:
    case 504:
      return new ProxyFault(
        `the proxy cannot reach the server (${status})`,
        "see the proxy's log: it must resolve apns.server and may need a firewall opened",
      );
    default:
      return new ProxyFault(
        `the proxy answers CONNECT with ${status}`,
        'correct apns.proxy: it must name an HTTP proxy that takes CONNECT',
      );
  }
}
