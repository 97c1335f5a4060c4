import type { DeliveryVerbs } from '../delivery.ts';
import type { EndpointVerbs } from '../endpoints.ts';
import type { IntakeVerbs } from '../intake.ts';
import type { MetadataVerbs } from '../metadata.ts';
import type { MoveVerbs } from '../move.ts';
import type { MovingServicesVerbs } from '../moving-services.ts';
import type { PresenceVerbs } from '../presence.ts';
import type { Store } from '../store.ts';
import type { SummaryVerbs } from '../summary.ts';
import type { TargetVerbs } from '../targets.ts';
import type { WaitingVerbs } from '../waiting.ts';
import type { Transactions } from './database.ts';
import { driverName } from './driver.ts';

const enqueue = once(() => import('./enqueue.ts'));
const register = once(() => import('./register.ts'));
const targets = once(() => import('./targets.ts'));
const transfer = once(() => import('./transfer.ts'));
const turn = once(() => import('./turn.ts'));
const due = once(() => import('./due.ts'));
const upkeep = once(() => import('./upkeep.ts'));
const leases = once(() => import('./leases.ts'));
const ahead = once(() => import('./ahead.ts'));
const credentials = once(() => import('./credentials.ts'));
const waiting = once(() => import('./waiting.ts'));
const endpoints = once(() => import('./endpoints.ts'));
const notices = once(() => import('./notices.ts'));
const metadata = once(() => import('./metadata.ts'));
const summary = once(() => import('./summary.ts'));
const presence = once(() => import('./presence.ts'));
const departing = once(() => import('./departure.ts'));
const move = once(() => import('./move.ts'));
const movingServices = once(() => import('./moving-services.ts'));

/** The verbs, on one open database. */
export function sqliteStore(database: Transactions): Store {
  const { file, compact, freeBytes, close } = database;
  return {
    driver: driverName(),
    ...{ file, compact, freeBytes, close },
    ...intakeVerbs(database),
    ...targetVerbs(database),
    ...deliveryVerbs(database),
    ...waitingVerbs(database),
    ...endpointVerbs(database),
    ...metadataVerbs(database),
    ...summaryVerbs(database),
    ...presenceVerbs(database),
    ...moveVerbs(database),
  };
}

function intakeVerbs(database: Transactions): IntakeVerbs {
  return {
    enqueue: async (...given) => (await enqueue()).enqueue(database, ...given),
    subscribed: async (...given) => (await enqueue()).subscribed(database, ...given),
    register: async (...given) => (await register()).register(database, ...given),
    usualTopic: async (...given) => (await register()).usualTopic(database, ...given),
  };
}

function targetVerbs(database: Transactions): TargetVerbs {
  return {
    listTargets: async (...given) => (await targets()).listTargets(database, ...given),
    targetIds: async (...given) => (await targets()).targetIds(database, ...given),
    targetsById: async (...given) => (await targets()).targetsById(database, ...given),
    subscriptionsOf: async (...given) => (await targets()).subscriptionsOf(database, ...given),
    countTargets: async () => (await targets()).countTargets(database),
    lastRegistered: async (...given) => (await targets()).lastRegistered(database, ...given),
    removeTargets: async (...given) => (await targets()).removeTargets(database, ...given),
    topicsInUse: async () => (await targets()).topicsInUse(database),
    exportTargets: async (...given) => (await transfer()).exportTargets(database, ...given),
    standingOf: async (...given) => (await transfer()).standingOf(database, ...given),
    importTargets: async (...given) => (await transfer()).importTargets(database, ...given),
  };
}

function deliveryVerbs(database: Transactions): DeliveryVerbs {
  return {
    takeTurn: async (...given) => (await turn()).takeTurn(database, ...given),
    settlingFacts: async (...given) => (await turn()).settlingFacts(database, ...given),
    nextDueMs: async () => (await due()).nextDueMs(database),
    countDue: async () => (await due()).countDue(database),
    stillWaiting: async (...given) => (await due()).stillWaiting(database, ...given),
    makeAllDue: async (...given) => (await due()).makeAllDue(database, ...given),
    wake: async (...given) => (await upkeep()).wake(database, ...given),
    wakeTopics: async (...given) => (await upkeep()).wakeTopics(database, ...given),
    takeUp: async (...given) => (await upkeep()).takeUp(database, ...given),
    giveUp: async (...given) => (await upkeep()).giveUp(database, ...given),
    leaseOwners: async () => (await leases()).leaseOwners(database),
    releaseLeases: async (...given) => (await leases()).releaseLeases(database, ...given),
    releaseUnsent: async (...given) => (await leases()).releaseUnsent(database, ...given),
    setRight: async (...given) => (await ahead()).setRight(database, ...given),
    clockSeen: async () => (await ahead()).clockSeen(database),
    noteClock: async (...given) => (await ahead()).noteClock(database, ...given),
    mayTellClock: async (...given) => (await ahead()).mayTellClock(database, ...given),
    mayWarn: async (...given) => (await credentials()).mayWarn(database, ...given),
    providerToken: async (...given) => (await credentials()).providerToken(database, ...given),
    replaceProviderToken: async (...given) => (await credentials()).replaceProviderToken(database, ...given),
  };
}

function waitingVerbs(database: Transactions): WaitingVerbs {
  return {
    waitingIds: async (...given) => (await waiting()).waitingIds(database, ...given),
    waitingById: async (...given) => (await waiting()).waitingById(database, ...given),
    countWaiting: async (...given) => (await waiting()).countWaiting(database, ...given),
    retryWaiting: async (...given) => (await waiting()).retryWaiting(database, ...given),
    discardWaiting: async (...given) => (await waiting()).discardWaiting(database, ...given),
  };
}

function endpointVerbs(database: Transactions): EndpointVerbs {
  return {
    registerEndpoint: async (...given) => (await endpoints()).registerEndpoint(database, ...given),
    listEndpoints: async (...given) => (await endpoints()).listEndpoints(database, ...given),
    removeEndpoints: async (...given) => (await endpoints()).removeEndpoints(database, ...given),
    countEndpoints: async (...given) => (await endpoints()).countEndpoints(database, ...given),
    enqueueNotices: async (...given) => (await notices()).enqueueNotices(database, ...given),
    takeNotices: async (...given) => (await notices()).takeNotices(database, ...given),
    nextNoticeDueMs: async () => (await notices()).nextNoticeDueMs(database),
    noticeOwners: async () => (await notices()).noticeOwners(database),
    releaseNotices: async (...given) => (await notices()).releaseNotices(database, ...given),
    makeNoticesDue: async (...given) => (await notices()).makeNoticesDue(database, ...given),
    countNotices: async () => (await notices()).countNotices(database),
  };
}

function metadataVerbs(database: Transactions): MetadataVerbs {
  return {
    metadataValue: async (...given) => (await metadata()).metadataValue(database, ...given),
    metadataUnder: async (...given) => (await metadata()).metadataUnder(database, ...given),
    changeMetadata: async (...given) => (await metadata()).changeMetadata(database, ...given),
    countMetadata: async () => (await metadata()).countMetadata(database),
  };
}

function summaryVerbs(database: Transactions): SummaryVerbs {
  return {
    countRows: async () => (await summary()).countRows(database),
    tallyTargets: async (...given) => (await summary()).tallyTargets(database, ...given),
    tallyWaiting: async (...given) => (await summary()).tallyWaiting(database, ...given),
    lastSuccessMs: async (...given) => (await summary()).lastSuccessMs(database, ...given),
    summariseTargets: async (...given) => (await summary()).summariseTargets(database, ...given),
    summariseWaiting: async (...given) => (await summary()).summariseWaiting(database, ...given),
    everHadTargets: async () => (await summary()).everHadTargets(database),
    tryWriting: async () => (await summary()).tryWriting(database),
    schemaVersion: async () => (await summary()).schemaVersion(database),
  };
}

function presenceVerbs(database: Transactions): PresenceVerbs {
  return {
    mayStartDeliverer: async (...given) => (await presence()).mayStartDeliverer(database, ...given),
    delivererStarted: async () => (await presence()).delivererStarted(database),
    announceServe: async (...given) => (await presence()).announceServe(database, ...given),
    withdrawServe: async (...given) => (await presence()).withdrawServe(database, ...given),
  };
}

function moveVerbs(database: Transactions): MoveVerbs & MovingServicesVerbs {
  return {
    departure: async () => (await departing()).departure(database),
    depart: async (...given) => (await departing()).depart(database, ...given),
    stay: async () => (await departing()).stay(database),
    movingPushes: async (...given) => (await move()).movingPushes(database, ...given),
    arrival: async (...given) => (await move()).arrival(database, ...given),
    arrive: async (...given) => (await move()).arrive(database, ...given),
    forgetArrival: async (...given) => (await move()).forgetArrival(database, ...given),
    keptCredentials: async () => (await move()).keptCredentials(database),
    takeCredentials: async (...given) => (await move()).takeCredentials(database, ...given),
    movingNotices: async (...given) => (await movingServices()).movingNotices(database, ...given),
    takeEndpoints: async (...given) => (await movingServices()).takeEndpoints(database, ...given),
    movingMetadata: async (...given) => (await movingServices()).movingMetadata(database, ...given),
    takeMetadata: async (...given) => (await movingServices()).takeMetadata(database, ...given),
  };
}

/** What the file exports, loaded when it is first asked for: a handler needs few of the statements. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => (loaded ??= load());
}
