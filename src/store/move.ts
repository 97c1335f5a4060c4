import type { IssuedToken } from '../apns/provider-token.ts';
import type { WaitingPush } from '../outbox/waiting.ts';
import { StoreError } from './errors.ts';

/**
 * What moves a store to another one. The one that is left takes nothing from then on, whoever has it open; the other
 * keeps, until the end, how far the pushes are that came: none comes twice, however often it is begun again.
 */
export interface MoveVerbs {
  /** Where this store was left for, or is about to be; undefined where it is in use. */
  departure(): Promise<Departure | undefined>;
  /** From here on nobody writes to it, not even whoever has it open. */
  depart(departure: Departure): Promise<void>;
  /** It is in use again. */
  stay(): Promise<void>;
  /** The first `limit` waiting pushes after that target's, whoever has leased them. */
  movingPushes(afterTargetId: number, limit: number): Promise<MovingPush[]>;
  /** What has come of that move; undefined where it is not known here. */
  arrival(id: string): Promise<Arrival | undefined>;
  /** Takes pushes, for the devices that are here, and with them how far the move is; begins it where it is not known. */
  arrive(move: { id: string; afterTargetId: number }, pushes: readonly MovingPush[]): Promise<void>;
  forgetArrival(id: string): Promise<void>;
  keptCredentials(): Promise<KeptCredentials>;
  /**
   * Of a credential that both know the greater number and the later time of its successes stay, and all else as it is
   * here; of tokens the one that was issued later.
   */
  takeCredentials(kept: KeptCredentials): Promise<void>;
}

export interface Departure {
  /** Random, of the move. */
  id: string;
  /** A file, or a URL. */
  to: string;
  /** Whether none of its pushes has gone, some may have, or all are there. */
  step: 'devices' | 'pushes' | 'done';
}

export interface Arrival {
  /** Of the store that is left: the last whose push was taken. */
  afterTargetId: number;
  /** So many were taken. */
  pushes: number;
}

/** A waiting push as it is written; nobody has leased it. */
export interface MovingPush extends Omit<WaitingPush, 'mailboxes' | 'leaseOwner' | 'leaseUntilMs'> {
  apnsId: string;
  generation: number;
  mailboxes: { owner: string; path: string; generation: number }[];
}

export interface KeptCredentials {
  achieved: {
    fingerprint: string;
    server: string;
    successes: number;
    lastSuccessMs: number | null;
    badTokens: number;
    warnedMs: number | null;
    gone: number;
  }[];
  tokens: (IssuedToken & { fingerprint: string })[];
}

/** Which of those that were left may be opened. */
export type Left = 'this schema' | 'any schema';

/** In place of the version of the schema, which a program that knows nothing of it refuses: "left" in ASCII. */
export const LEFT_VERSION = 0x6c656674;

/** What nobody may write to a store that was left. */
export const LEFT_TABLES = [
  ...['targets', 'subscriptions', 'outbox', 'outbox_mailboxes'],
  ...['endpoints', 'notices', 'metadata'],
];

/** Whoever opens a store that was left is told where it is now; where its schema is another program's, the way out. */
export function leftStore(
  name: string,
  { to, step }: Departure,
  { isOtherSchema }: { isOtherSchema: boolean },
): StoreError {
  if (step === 'done') {
    const hint = `let \`store\` name ${to}; events wait in the spool`;
    return new StoreError(`database ${name} was moved to ${to}`, { hint, left: false, cause: undefined });
  }
  const hint = `if that was broken off, ${wayOut({ to, step }, isOtherSchema)}; events wait in the spool`;
  // As long as that is under way, events are to wait in the spool.
  return new StoreError(`database ${name} is being moved to ${to}`, { hint, left: true, cause: undefined });
}

function wayOut({ to, step }: Pick<Departure, 'to' | 'step'>, isOtherSchema: boolean): string {
  if (!isOtherSchema) return `run it again: ${moveCommand(to)}`;
  const began = 'an xapplepush with another schema began it';
  return step === 'devices'
    ? `take it back, for ${began}, and begin anew: xapplepush store migrate --undo`
    : `complete it with that, for ${began}: ${moveCommand(to)}`;
}

/** What completes a move; the file of a password is not kept. */
export function moveCommand(to: string): string {
  const command = `xapplepush store migrate --to '${to.replaceAll("'", `'\\''`)}'`;
  return to.includes('://') ? `${command}, with the same --password-file where one was given` : command;
}
