import type { DeliveryVerbs } from '../delivery.ts';
import type { EndpointVerbs } from '../endpoints.ts';
import type { IntakeVerbs } from '../intake.ts';
import type { MetadataVerbs } from '../metadata.ts';
import type { MoveVerbs } from '../move.ts';
import type { PresenceVerbs } from '../presence.ts';
import type { SharedVerbs } from '../shared.ts';
import type { Store } from '../store.ts';
import type { SummaryVerbs } from '../summary.ts';
import type { TargetVerbs } from '../targets.ts';
import type { WaitingVerbs } from '../waiting.ts';
import * as ahead from './ahead.ts';
import * as credentials from './credentials.ts';
import type { Database } from './database.ts';
import * as departing from './departure.ts';
import * as due from './due.ts';
import * as duties from './duties.ts';
import * as endpoints from './endpoints.ts';
import { createEnqueueing, subscribed } from './enqueue.ts';
import { gathered } from './gathering.ts';
import * as history from './history.ts';
import { discardHistory } from './history-discard.ts';
import { hosts } from './hosts.ts';
import * as leases from './leases.ts';
import * as metadata from './metadata.ts';
import * as move from './move.ts';
import { listen } from './news.ts';
import { movingServicesVerbs } from './moving-services.ts';
import * as notices from './notices.ts';
import * as presence from './presence.ts';
import * as registering from './register.ts';
import { compact } from './room.ts';
import * as summary from './summary.ts';
import { survey } from './survey.ts';
import * as targets from './targets.ts';
import * as transfer from './transfer.ts';
import * as turn from './turn.ts';
import * as upkeep from './upkeep.ts';
import * as waiting from './waiting.ts';

/** The verbs, on one PostgreSQL. */
export function postgresStore(database: Database): Store {
  return {
    file: database.name,
    compact: () => compact(database),
    freeBytes: () => Promise.resolve(0),
    close: database.close,
    clockAheadMs: database.clockAheadMs,
    survey: () => survey(database),
    listen: (onNews) => listen(database.connections, onNews),
    shared: sharedVerbs(database),
    ...intakeVerbs(database),
    ...targetVerbs(database),
    ...deliveryVerbs(database),
    ...waitingVerbs(database),
    ...endpointVerbs(database),
    ...metadataVerbs(database),
    ...summaryVerbs(database),
    ...presenceVerbs(database),
    ...moveVerbs(database),
    ...movingServicesVerbs(database),
  };
}

function intakeVerbs(database: Database): IntakeVerbs {
  return {
    enqueue: gathered(createEnqueueing(database)),
    subscribed: (...given) => subscribed(database, ...given),
    register: (...given) => registering.register(database, ...given),
    usualTopic: (...given) => registering.usualTopic(database, ...given),
  };
}

function targetVerbs(database: Database): TargetVerbs {
  return {
    listTargets: (...given) => targets.listTargets(database, ...given),
    targetIds: (...given) => targets.targetIds(database, ...given),
    targetsById: (...given) => targets.targetsById(database, ...given),
    subscriptionsOf: (...given) => targets.subscriptionsOf(database, ...given),
    countTargets: () => targets.countTargets(database),
    lastRegistered: (...given) => targets.lastRegistered(database, ...given),
    removeTargets: (...given) => targets.removeTargets(database, ...given),
    topicsInUse: () => targets.topicsInUse(database),
    exportTargets: (...given) => transfer.exportTargets(database, ...given),
    standingOf: (...given) => transfer.standingOf(database, ...given),
    importTargets: (...given) => transfer.importTargets(database, ...given),
  };
}

function deliveryVerbs(database: Database): DeliveryVerbs {
  return {
    takeTurn: (...given) => turn.takeTurn(database, ...given),
    settlingFacts: (...given) => turn.settlingFacts(database, ...given),
    nextDueMs: () => due.nextDueMs(database),
    countDue: () => due.countDue(database),
    stillWaiting: (...given) => due.stillWaiting(database, ...given),
    makeAllDue: (...given) => due.makeAllDue(database, ...given),
    wake: (...given) => upkeep.wake(database, ...given),
    wakeTopics: (...given) => upkeep.wakeTopics(database, ...given),
    takeUp: (...given) => upkeep.takeUp(database, ...given),
    giveUp: (...given) => upkeep.giveUp(database, ...given),
    leaseOwners: () => leases.leaseOwners(database),
    releaseLeases: (...given) => leases.releaseLeases(database, ...given),
    releaseUnsent: (...given) => leases.releaseUnsent(database, ...given),
    setRight: (...given) => ahead.setRight(database, ...given),
    clockSeen: () => ahead.clockSeen(database),
    noteClock: (...given) => ahead.noteClock(database, ...given),
    mayTellClock: (...given) => ahead.mayTellClock(database, ...given),
    mayWarn: (...given) => credentials.mayWarn(database, ...given),
    providerToken: (...given) => credentials.providerToken(database, ...given),
    replaceProviderToken: (...given) => credentials.replaceProviderToken(database, ...given),
  };
}

function waitingVerbs(database: Database): WaitingVerbs {
  return {
    waitingIds: (...given) => waiting.waitingIds(database, ...given),
    waitingById: (...given) => waiting.waitingById(database, ...given),
    countWaiting: (...given) => waiting.countWaiting(database, ...given),
    retryWaiting: (...given) => waiting.retryWaiting(database, ...given),
    discardWaiting: (...given) => waiting.discardWaiting(database, ...given),
  };
}

function endpointVerbs(database: Database): EndpointVerbs {
  return {
    registerEndpoint: (...given) => endpoints.registerEndpoint(database, ...given),
    listEndpoints: (...given) => endpoints.listEndpoints(database, ...given),
    removeEndpoints: (...given) => endpoints.removeEndpoints(database, ...given),
    countEndpoints: (...given) => endpoints.countEndpoints(database, ...given),
    enqueueNotices: (...given) => notices.enqueueNotices(database, ...given),
    takeNotices: (...given) => notices.takeNotices(database, ...given),
    nextNoticeDueMs: () => notices.nextNoticeDueMs(database),
    noticeOwners: () => notices.noticeOwners(database),
    releaseNotices: (...given) => notices.releaseNotices(database, ...given),
    makeNoticesDue: (...given) => notices.makeNoticesDue(database, ...given),
    countNotices: () => notices.countNotices(database),
  };
}

function metadataVerbs(database: Database): MetadataVerbs {
  return {
    metadataValue: (...given) => metadata.metadataValue(database, ...given),
    metadataUnder: (...given) => metadata.metadataUnder(database, ...given),
    changeMetadata: (...given) => metadata.changeMetadata(database, ...given),
    countMetadata: () => metadata.countMetadata(database),
  };
}

function summaryVerbs(database: Database): SummaryVerbs {
  return {
    countRows: () => summary.countRows(database),
    tallyTargets: (...given) => summary.tallyTargets(database, ...given),
    tallyWaiting: (...given) => summary.tallyWaiting(database, ...given),
    lastSuccessMs: (...given) => summary.lastSuccessMs(database, ...given),
    summariseTargets: (...given) => summary.summariseTargets(database, ...given),
    summariseWaiting: (...given) => summary.summariseWaiting(database, ...given),
    everHadTargets: () => summary.everHadTargets(database),
    tryWriting: () => summary.tryWriting(database),
    schemaVersion: () => summary.schemaVersion(database),
  };
}

function presenceVerbs(database: Database): PresenceVerbs {
  return {
    mayStartDeliverer: (...given) => presence.mayStartDeliverer(database, ...given),
    delivererStarted: () => presence.delivererStarted(database),
    announceServe: (...given) => presence.announceServe(database, ...given),
    withdrawServe: (...given) => presence.withdrawServe(database, ...given),
  };
}

function moveVerbs(database: Database): MoveVerbs {
  return {
    departure: () => departing.departure(database),
    depart: (...given) => departing.depart(database, ...given),
    stay: () => departing.stay(database),
    movingPushes: (...given) => move.movingPushes(database, ...given),
    arrival: (...given) => move.arrival(database, ...given),
    arrive: (...given) => move.arrive(database, ...given),
    forgetArrival: (...given) => move.forgetArrival(database, ...given),
    keptCredentials: () => move.keptCredentials(database),
    takeCredentials: (...given) => move.takeCredentials(database, ...given),
  };
}

function sharedVerbs(database: Database): SharedVerbs {
  return {
    hosts: () => hosts(database),
    takeDuty: (...given) => duties.takeDuty(database, ...given),
    leaveDuties: (...given) => duties.leaveDuties(database, ...given),
    keepHistory: (...given) => history.keepHistory(database, ...given),
    historyBefore: (...given) => history.historyBefore(database, ...given),
    historyAfter: (...given) => history.historyAfter(database, ...given),
    lastHistory: () => history.lastHistory(database),
    discardHistory: (...given) => discardHistory(database, ...given),
  };
}
