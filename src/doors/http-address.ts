import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { ExitCode, OperatorError } from '../process/errors.ts';

/** Where a server listens. */
export type Place = { path: string } | { host: string; port: number };

/** RFC 1122, 3.2.1.3 and RFC 4291, 2.5.3. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Reads `host:port`, `[IPv6 address]:port` or `unix:/path`. Whoever reaches the door registers devices for any user,
 * so without a password an address beyond this machine is refused: OperatorError.
 */
export function placeOf(listen: string, hasPassword: boolean): Place {
  if (listen.startsWith('unix:/')) return { path: listen.slice('unix:'.length) };
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(listen) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535) throw unreadable(listen);
  if (!hasPassword && !isLoopback(host)) throw beyondThisMachine(listen);
  return { host, port };
}

/** An address of this machine alone, or the one name that means such (RFC 6761, 6.3). */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return LOOPBACK.check(host, 'ipv4');
  if (isIPv6(host)) return LOOPBACK.check(host, 'ipv6');
  return host === 'localhost'; // any other name may come to mean anything
}

function unreadable(listen: string): OperatorError {
  return new OperatorError(
    `serve.http: expected host:port, [IPv6 address]:port or unix:/path, got ${listen}`,
    {
      exitCode: ExitCode.configuration,
      hint: "correct serve.http, such as http: '[::1]:11619'",
    },
  );
}

export function beyondThisMachine(listen: string): OperatorError {
  return new OperatorError(
    `serve.http: ${listen} can be reached from other machines, expected the loopback or unix:/path`,
    {
      exitCode: ExitCode.configuration,
      hint: "use '[::1]:11619' or 127.0.0.1, or set serve.http_password_file: whoever reaches the door can register devices",
    },
  );
}
