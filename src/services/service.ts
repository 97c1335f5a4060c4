import type { ChangeName } from '../events/mail-event.ts';
import type { Endpoint, ServiceName } from './endpoint.ts';

/** What an endpoint is told: that something happened, and nothing of a message. */
export interface Notice {
  /** A random UUID, the same at each attempt. */
  id: string;
  /** `validation` asks whether the endpoint is one at all; `test` is a person's. */
  event: ChangeName | 'validation' | 'test';
  /** As its owner sees it; INBOX in capitals. */
  mailbox: string;
  /** When it happened, in milliseconds since the epoch. */
  eventMs: number;
}

/** What an answer means for the notice and its endpoint. Only "no answer" would throw, and that is `retry` here. */
export type ServiceOutcome =
  | { kind: 'delivered' }
  /** There is no such endpoint any more. */
  | { kind: 'gone'; reason: string }
  /** Nobody answered (`isUnanswered`), or the service asks to come again: after so long, where it says so. */
  | { kind: 'retry'; reason: string; afterMs?: number; isUnanswered?: true }
  /** The service does not want this notice and never will. */
  | { kind: 'rejected'; reason: string }
  /** Our own mistake: it waits, and costs no endpoint. */
  | { kind: 'misconfigured'; reason: string };

export type Addressee = Pick<Endpoint, 'user' | 'address' | 'fingerprint'>;

/** One push service. */
export interface Service {
  readonly name: ServiceName;
  /** After so long a notice that nobody has taken is dropped. */
  readonly giveUpMs: number;
  /** Sends one notice and never rejects; takes at most `timeoutMs`. */
  send(endpoint: Addressee, notice: Notice, timeoutMs: number): Promise<ServiceOutcome>;
  /** Ends what it keeps open. */
  close(): Promise<void>;
}
