import type { Endpoint, NewEndpoint, ServiceName } from '../services/endpoint.ts';
import type { Notice, ServiceOutcome } from '../services/service.ts';
import type { NoticeSettlement } from '../services/settlement.ts';

/** What is kept of endpoints of other push services, and of the notices that wait for them: one a row, as for targets. */
export interface EndpointVerbs {
  /** Adds an endpoint, or renews the one of this user, service and fingerprint. Of two registrations the later holds. */
  registerEndpoint(endpoint: NewEndpoint, request: EndpointRequest): Promise<EndpointRegistered>;
  /** Those that match after that id, by their ids. */
  listEndpoints(filter: EndpointFilter, page: EndpointPage): Promise<Endpoint[]>;
  /** Removes those that match, with what waits for them; gives them. */
  removeEndpoints(filter: EndpointFilter): Promise<Endpoint[]>;
  /** For each service, also those with none. */
  countEndpoints(nowMs: number): Promise<Record<ServiceName, EndpointCount>>;
  /**
   * A notice for each endpoint of these users and services that is proven, and has not run out; `isUnproven`: for those that
   * are not. One that waits is joined: it tells the newer event. Due at once, or when the window of the latest has passed.
   */
  enqueueNotices(request: NoticeRequest): Promise<{ endpointIds: number[] }>;
  /** Writes down what has ended and leases what is due, its attempt recorded. */
  takeNotices(turn: NoticeTurn): Promise<ClaimedNotice[]>;
  /** When the next notice may be tried; undefined where none waits. */
  nextNoticeDueMs(): Promise<number | undefined>;
  /** Who has leased notices. */
  noticeOwners(): Promise<string[]>;
  /** Gives back what these processes have leased. Gives how many. */
  releaseNotices(owners: readonly string[]): Promise<number>;
  /** All notices are due now, but for those being sent; gives how many. */
  makeNoticesDue(nowMs: number): Promise<number>;
  countNotices(): Promise<{ notices: number; oldestMs: number | undefined }>;
}

/** All conditions hold together; none given means all. */
export interface EndpointFilter {
  id?: number | undefined;
  ids?: readonly number[] | undefined;
  user?: string | undefined;
  /** As for targets: with `*` for anything. */
  userPattern?: string | undefined;
  service?: ServiceName | undefined;
  fingerprint?: string | undefined;
  /** Renewed before then. */
  renewedBeforeMs?: number | undefined;
  /** Ran out before then. */
  expiredBeforeMs?: number | undefined;
  /** Its service has never taken a notice for it. */
  isUnproven?: true | undefined;
}

export interface EndpointPage {
  afterId: number;
  limit: number;
}

export interface EndpointRequest {
  nowMs: number;
  /** Of one service; the least recently renewed has to go. */
  maxPerUser: number;
  /** It needs no notice that proves it. */
  isProven: boolean;
}

export interface EndpointRegistered {
  id: number;
  created: boolean;
  /** It waits for its first notice. */
  isProven: boolean;
  evicted: number;
}

export interface EndpointCount {
  endpoints: number;
  users: number;
  unproven: number;
  /** Their latest answer was no success. */
  failing: number;
}

export interface NoticeRequest {
  users: readonly string[];
  services: readonly ServiceName[];
  /** Only this one of them. */
  endpointId?: number | undefined;
  isUnproven?: boolean;
  notice: Omit<Notice, 'id'>;
  nowMs: number;
  throttleMs: number;
  newId: () => string;
}

/** A notice that this process has leased. */
export interface ClaimedNotice {
  endpoint: Endpoint;
  notice: Notice;
  /** What has joined the row after this generation is not in this notice. */
  generation: number;
  /** Counts the one that is about to be made. */
  attempts: number;
  /** When its first event was taken. */
  enqueuedMs: number;
}

/** What became of a claimed notice, decided by services/settlement.ts. */
export interface SettledNotice {
  claimed: ClaimedNotice;
  outcome: ServiceOutcome;
  settlement: NoticeSettlement;
}

export interface NoticeTurn {
  settled: readonly SettledNotice[];
  owner: string;
  nowMs: number;
  limit: number;
  leaseUntilMs: number;
  /** A notice that came while one was sent is due so long after it. */
  throttleMs: number;
  /** Names it then. */
  newId: () => string;
}
