/** One push as Apple takes it: POST /3/device/<deviceToken>. */
export interface Push {
  /** Lower-case canonical UUID; the same on every attempt of one push. */
  apnsId: string;
  deviceToken: string;
  topic: string;
  /** The JSON body, at most 4096 bytes. */
  payload: string;
  /** apns-expiration, in seconds since the epoch. */
  expirationS: number;
  /** `bearer` and a provider token; absent where the connection's certificate speaks for us. */
  authorization?: string;
}

/** What Apple answered. A rejection is an answer too. */
export interface Answer {
  status: number;
  /** `reason` of the body, such as BadDeviceToken; absent for 200. */
  reason?: string;
  /** `timestamp` of a 410's body: when the token stopped being valid. */
  timestampMs?: number;
  /** True where nothing shows that it is Apple's: a proxy, a portal or another server has answered. */
  foreign?: true;
  /** Retry-After of a 429 or 503, converted from seconds. */
  retryAfterMs?: number;
}

/** Thrown where a push got no answer: connection lost, GOAWAY, time-out. */
export class NoAnswer extends Error {
  /** False only where HTTP/2 guarantees that the server did not process the request (RFC 9113, 6.8). */
  readonly perhapsProcessed: boolean;
  /** Apple's, from the GOAWAY that ended the connection; undefined where there was none. */
  readonly reason: string | undefined;

  constructor(
    message: string,
    options: { perhapsProcessed: boolean; reason?: string | undefined; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.name = 'NoAnswer';
    this.perhapsProcessed = options.perhapsProcessed;
    this.reason = options.reason;
  }
}
