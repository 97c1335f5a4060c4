import type { Endpoint, ServiceName } from '../services/endpoint.ts';
import type { Notice } from '../services/service.ts';

/** What of other push services moves to another store. What is left is read, and nobody writes to it. */
export interface MovingServicesVerbs {
  /** What waits for these endpoints, whoever has leased it. */
  movingNotices(endpointIds: readonly number[]): Promise<MovingNotice[]>;
  /**
   * Takes endpoints with what waits for them, and with them how far the move is: each has an arrival of its own, with how
   * many were taken. Of an endpoint that is here the later registration holds, and a notice joins what waits here.
   */
  takeEndpoints(
    move: { ids: ServiceArrivals; afterId: number },
    endpoints: readonly Endpoint[],
    notices: readonly MovingNotice[],
  ): Promise<void>;
  /** The first entries after that one, by user and key in the order of their bytes. */
  movingMetadata(after: MetadataPlace, limit: number): Promise<MovingMetadata[]>;
  /** Of an entry that is here the later change holds. What no index takes is left out. */
  takeMetadata(entries: readonly MovingMetadata[]): Promise<void>;
}

export interface ServiceArrivals {
  endpoints: string;
  notices: string;
}

/** By these the arrivals of one move are known. */
export function serviceArrivals(moveId: string): ServiceArrivals {
  return { endpoints: `${moveId} endpoints`, notices: `${moveId} notices` };
}

/** A notice that waits, and its endpoint by what it is in any store. */
export interface MovingNotice {
  user: string;
  service: ServiceName;
  fingerprint: string;
  noticeId: string;
  generation: number;
  event: Notice['event'];
  mailbox: string;
  enqueuedMs: number;
  eventMs: number;
  dueMs: number;
  attempts: number;
  attemptedMs: number | null;
}

export interface MetadataPlace {
  user: string;
  key: string;
}

export interface MovingMetadata extends MetadataPlace {
  value: Uint8Array;
  changedMs: number;
}
