import { X509Certificate } from 'node:crypto';
import { isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect, type ConnectionOptions, type PeerCertificate, type TLSSocket } from 'node:tls';
import { messageOf } from '../process/errors.ts';

/** The client certificate of the TLS connection, all PEM; empty where provider tokens are used. */
export interface TlsIdentity {
  certificatePem?: string;
  keyPem?: string;
  passphrase?: string;
}

// Node's 250 ms an address are less than a TCP handshake with a far-away Apple can take.
export const ADDRESS_ATTEMPT_MS = 1000;

export interface DialOptions {
  /** PEM; replaces the system's roots. */
  ca?: string | undefined;
  /** A connection that somebody else has made to the server; whose certificate is asked for stays the same. */
  through?: Socket | undefined;
}

/** Starts a TLS connection that offers HTTP/2 alone. Throws on an unusable key. */
export function dial(server: URL, identity: TlsIdentity, { ca, through }: DialOptions): TLSSocket {
  const host = hostOf(server);
  const options: ConnectionOptions & Pick<TcpNetConnectOpts, 'autoSelectFamilyAttemptTimeout'> = {
    host,
    port: portOf(server),
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    ...(identity.certificatePem !== undefined && { cert: identity.certificatePem }),
    ...(identity.keyPem !== undefined && { key: identity.keyPem }),
    ...(identity.passphrase !== undefined && { passphrase: identity.passphrase }),
    ...(ca !== undefined && { ca }),
    ...(through !== undefined && { socket: through }),
    ...(isIP(host) === 0 ? { servername: host } : { checkServerIdentity: namesAddress }), // RFC 6066, 3: no addresses
    autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
  };
  return connect(options);
}

/** Compared by OpenSSL: Debian 13's Node takes each IPv6 address for a name, and makes '' of it. */
function namesAddress(address: string, { raw, subjectaltname }: PeerCertificate): Error | undefined {
  if (new X509Certificate(raw).checkIP(address) !== undefined) return undefined;
  const message = `the certificate is not for ${address}, but for ${subjectaltname ?? 'no address'}`;
  return Object.assign(new Error(message), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}

/** A name or an address, which an URL has in brackets where it is one of IPv6. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** As CONNECT names it too (RFC 9110, 9.3.6). */
export function authorityOf(server: URL): string {
  return `${server.hostname}:${portOf(server)}`;
}

/** The port of the server, or of a proxy, which has none in its URL where it is that of HTTP. */
export function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === 'http:' ? '80' : '443'));
}

/** Resolves when TLS is up and HTTP/2 agreed upon; rejects with the socket's error. */
export function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => {
      if (socket.alpnProtocol === 'h2') resolve();
      else reject(new Error('the server speaks no HTTP/2'));
    });
    socket.once('error', reject);
    socket.once('close', () => {
      reject(new Error('it closed the connection during the TLS handshake'));
    });
  });
}

const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/^ECONNREFUSED$/, 'connection refused'],
  [/^ENOTFOUND$/, 'no such host name'],
  [/^EAI_AGAIN$/, 'the name server does not answer'],
  [/^ETIMEDOUT$/, 'the host does not answer'],
  [/^(ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL)$/, 'no route to the host'],
  [/NO_APPLICATION_PROTOCOL$/, 'the server speaks no HTTP/2'],
  // With TLS 1.3 a server sees our certificate only after our side of the handshake is done (RFC 8446, 2).
  [
    /^(ECONNRESET|EPIPE|HTTP2WRAPPER_NOSETTINGS)$/,
    'it closed the connection; perhaps it refuses our certificate',
  ],
  [/ALERT/, 'it refuses our TLS handshake or certificate'],
  [
    /^(ERR_TLS|ERR_SSL|CERT|DEPTH_|SELF_|UNABLE_)/,
    "TLS failed on the server's side or its certificate is not trusted",
  ],
];

/** Why connecting failed, in words and with the code that the system or TLS gave. */
export function causeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = CAUSES.find(([pattern]) => pattern.test(code));
  if (!known) return messageOf(error) || code;
  return `${known[1]} (${code})`;
}
