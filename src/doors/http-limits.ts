export interface HttpLimits {
  /** From the start of a request, or of a connection, to the end of the header. */
  headerMs: number;
  /** From the start of a request to the end of its body. */
  requestMs: number;
  /** Without a byte in either direction. */
  silenceMs: number;
  keepAliveMs: number;
  headerBytes: number;
  connections: number;
  /** How long `close` waits for answers. */
  closingMs: number;
}

/** Dovecot's header has 250 bytes and arrives at once; all but `closingMs` is room for slow, not for hostile, clients. */
export const HTTP_LIMITS: Readonly<HttpLimits> = {
  headerMs: 10_000,
  requestMs: 30_000,
  silenceMs: 60_000,
  keepAliveMs: 60_000, // Dovecot's client closes an idle connection itself before that
  headerBytes: 8192,
  connections: 2000,
  closingMs: 5000,
};
