import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { type ImapdSettings, imapdSettings } from '../config/imapd-conf.ts';
import type { Store } from '../store/store.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import type { CollectionRegistration, Registration } from '../events/mail-event.ts';
import { parseEvent } from '../events/parse.ts';
import type { ReadItem } from '../events/read.ts';
import type { EventEntry } from '../history/entry.ts';
import { type History, openHistory } from '../history/history.ts';
import type { Log } from '../process/log.ts';
import { reportError } from '../process/report.ts';
import { comparable } from './comparable.ts';
import { enqueueChange, lazyNotices } from './enqueuing.ts';
import type { EnqueueNotices } from './notices.ts';
import { withOwners } from './owners.ts';
import { type Decision, decide } from './policy.ts';
import type { Arrival, RegisterDevice } from './registering.ts';
import { StoreError, UnfitValueError } from '../store/errors.ts';

export interface IntakeOptions {
  config: Config;
  clock: Clock;
  log: Log;
  /** Opens the database at the first event that needs it; throws StoreError. */
  store: () => Store | Promise<Store>;
  newApnsId: () => string;
  /** As openHistory has it. */
  endsAtOnce?: boolean;
}

/** What became of one piece of input. */
export interface Taken {
  /** Targets that a push now waits for. */
  targetIds: number[];
  /** How many endpoints of other push services a notice now waits for. */
  notices: number;
  /** Why it, or an event in it, can never be taken; undefined when all is well. */
  bad: string | undefined;
  /** The topic that a registration was made for; undefined where there was none. */
  topic: string | undefined;
  /** What the events were: RFC 5423 names, or registration, ignored, bad. */
  names: string[];
  /** Why events led to no push, for somebody who waits for one. */
  silent: string[];
}

/**
 * Takes raw events into the database. Throws OperatorError where they must be kept elsewhere for now: StoreError, and
 * NotRegistered for a registration; or what is wrong with imapd.conf. `locked` has it not even ask the database, which
 * was locked a moment ago.
 */
export type Intake = (item: ReadItem, given?: Given) => Promise<Taken>;

/** `atMs` is when it happened, in milliseconds since the epoch: what lay in the spool. By default now. */
interface Given extends Arrival {
  locked?: boolean;
}

/** The front of the pipeline: parse, decide, look up, enqueue. Each event is one transaction. */
export function createIntake(given: IntakeOptions): Intake {
  const history = openHistory(given);
  let registering: Promise<RegisterDevice> | undefined;
  // Only here: it is for the few events that register a device.
  const load = async (): Promise<RegisterDevice> =>
    (await import('./registering.ts')).createRegistering({ ...given, history });
  const usual: Taking = {
    ...{ ...given, history, notices: lazyNotices(given) },
    registering: () => (registering ??= load()),
  };
  const imapd = imapdSettings(given.config.imapdConf);
  return async (item, { locked = false, ...arrival } = {}) => {
    const options = { ...usual, ...arrival, ...(locked && { store: refuseStore }) };
    const taken: Taken = {
      targetIds: [],
      notices: 0,
      bad: undefined,
      topic: undefined,
      names: [],
      silent: [],
    };
    if ('bad' in item) return refuse(taken, item.bad, options);
    for (const event of parseEvent(item.value, () => imapd().namespace)) {
      if (event.kind === 'bad') refuse(taken, event.reason, options);
      else
        await carryOut(
          decide(withOwners(event, options.config), options.config.events),
          taken,
          options,
          imapd,
        ).catch((error: unknown) => {
          if (!(error instanceof UnfitValueError)) throw error; // which would keep all that comes after it waiting
          refuse(taken, error.message, options, error.hint);
        });
    }
    return taken;
  };
}

export interface Taking extends IntakeOptions, Arrival {
  history: History;
  registering: () => Promise<RegisterDevice>;
  /** Undefined where no service but Apple's is switched on. */
  notices: EnqueueNotices | undefined;
}

function refuseStore(): never {
  const hint = 'the event is kept and taken soon';
  throw new StoreError('it was locked a moment ago', { hint, busy: true, cause: undefined });
}

function refuse(taken: Taken, reason: string, options: Taking, hint = HINT): Taken {
  const { log } = options;
  remember(options, { event: 'input', mailboxes: [], decision: 'refused', reason, targets: 0 });
  reportError(new OperatorError(reason, { exitCode: ExitCode.badInput, hint }), log);
  taken.bad ??= reason;
  taken.names.push('bad');
  return taken;
}

function remember({ history, clock }: Taking, entry: Omit<EventEntry, 'kind' | 'atMs'>): void {
  history.record({ kind: 'event', atMs: clock.nowMs(), ...entry });
}

const HINT =
  'one event is one line of JSON, as notifyd or our Lua script writes it; other events on the same input are not affected';

async function carryOut(
  decision: Decision,
  taken: Taken,
  options: Taking,
  imapd: () => ImapdSettings,
): Promise<void> {
  switch (decision.act) {
    case 'ignore':
      ignore(decision, taken, options);
      return;
    case 'register':
      await registerDevice(decision.registration, taken, options, imapd);
      return;
    case 'register collection':
      await registerCollection(decision.registration, taken, options);
      return;
    case 'push':
      await enqueueChange(decision, taken, options);
  }
}

function ignore(
  { name, reason, mailboxes }: Extract<Decision, { act: 'ignore' }>,
  taken: Taken,
  options: Taking,
): void {
  options.log.debug('ignored', { event: name, reason });
  remember(options, {
    ...{ event: name, reason, decision: 'ignored', targets: 0 },
    mailboxes: comparable(mailboxes, options.config),
  });
  taken.names.push('ignored');
  taken.silent.push(`${name} is not told to anybody: ${reason}`);
}

async function registerCollection(
  registration: CollectionRegistration,
  taken: Taken,
  options: Taking,
): Promise<void> {
  const { registerFor } = await import('./registering-collection.ts');
  const refused = await registerFor(registration, options);
  if (refused === undefined) taken.names.push('registration');
  else refuse(taken, refused.refused, options, refused.hint);
}

async function registerDevice(
  registration: Registration,
  taken: Taken,
  options: Taking,
  imapd: () => ImapdSettings,
): Promise<void> {
  const registered = await (await options.registering())(registration, imapd, options.store, options);
  if ('refused' in registered) {
    refuse(taken, registered.refused, options, registered.hint);
    return;
  }
  taken.topic = registered.topic;
  taken.names.push('registration');
}
