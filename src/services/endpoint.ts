/** Push services beside Apple's. */
export const SERVICE_NAMES = ['deltachat', 'webpush', 'webhook'] as const;

export type ServiceName = (typeof SERVICE_NAMES)[number];

/** Where a service reaches one of a user's apps, as it was registered. */
export interface NewEndpoint {
  /** Made comparable by the `users` rules. */
  user: string;
  service: ServiceName;
  /** What the service needs to reach it: a token, a subscription in JSON, or a URL. Redacted wherever it is shown. */
  address: string;
  /** SHA-256, in lower-case hex, of what stays the same when it is renewed: by it a renewal is known. */
  fingerprint: string;
  /** When it runs out, in milliseconds since the epoch; null where it does not. */
  expiresMs: number | null;
}

/** An endpoint as the store has it. Times are milliseconds since the epoch. */
export interface Endpoint extends NewEndpoint {
  id: number;
  /** First and latest registration. */
  registeredMs: number;
  renewedMs: number;
  /** When the service first took a notice for it; mail is told only to those that have one. */
  provenMs: number | null;
  lastSuccessMs: number | null;
  /** Of the latest answer that was no success. */
  lastError: string | null;
  lastErrorMs: number | null;
  /** Answers in a row that were no success. */
  failures: number;
}
