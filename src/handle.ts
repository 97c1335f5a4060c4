import { existsSync } from 'node:fs';
import type { Clock } from './process/clock.ts';
import type { Config } from './config/config.ts';
import { ExitCode, exitCodeOf, messageOf, OperatorError, worstOf } from './process/errors.ts';
import { readEvents } from './events/read.ts';
import { singly } from './events/singly.ts';
import { createIntake, type Intake } from './intake/intake.ts';
import type { Log } from './process/log.ts';
import { closedProgram } from './process/own-program.ts';
import { reportError } from './process/report.ts';
import { writeLine } from './process/standard-error.ts';
import { randomUuid } from './process/random-uuid.ts';
import { StoreError } from './store/errors.ts';
import { openForEvents, type StoreOnce } from './store/open-once.ts';

/**
 * How long a handler waits for the database: notifyd waits for the handler, and when its queue is full the mail
 * server waits with the mailbox locked. What takes longer goes into the spool.
 */
const BUSY_TIMEOUT_MS = 900;

export interface HandleOptions {
  config: Config;
  log: Log;
  clock: Clock;
  input: Iterable<Buffer>;
  /** Deliver in this process until the deadline, and show the outcome. */
  wait: boolean;
}

/** Takes the events on the input and has them delivered. Writes nothing to standard output. */
export async function handle({ config, log, clock, input, wait }: HandleOptions): Promise<ExitCode> {
  const store = await openForEvents(config, BUSY_TIMEOUT_MS, log);
  const inForeground = wait || config.delivery.mode === 'foreground';
  const intake = createIntake({
    ...{ config, clock, log, store: store.get, newApnsId: randomUuid },
    endsAtOnce: !inForeground,
  });
  try {
    const tally = await takeAll(input, intake, { config, log, clock, onTrouble: store.fail });
    if (wait) for (const reason of tally.silent) writeLine(`no push: ${reason}`, log.tell);
    return worstOf([...tally.exitCodes, await deliver(tally, { config, log, clock, inForeground, store })]);
  } catch (error) {
    reportError(error, log);
    return exitCodeOf(error);
  } finally {
    store.close();
  }
}

interface Tally {
  targetIds: Set<number>;
  /** How many endpoints of other push services a notice waits for. */
  notices: number;
  /** An event is in the spool only because the database was busy: whoever delivers can take it soon. */
  deferred: boolean;
  /** Why events led to no push. */
  silent: string[];
  exitCodes: ExitCode[];
}

interface Keeping {
  config: Pick<Config, 'spool'>;
  log: Log;
  clock: Clock;
  onTrouble: (error: StoreError) => void;
}

async function takeAll(input: Iterable<Buffer>, intake: Intake, keeping: Keeping): Promise<Tally> {
  const tally: Tally = { targetIds: new Set(), notices: 0, deferred: false, silent: [], exitCodes: [] };
  let items = 0;
  for (const item of singly(readEvents(input))) {
    items += 1;
    try {
      const { targetIds, notices, bad, silent } = await intake(item);
      tally.silent.push(...silent);
      tally.notices += notices;
      for (const id of targetIds) tally.targetIds.add(id);
      if (bad !== undefined) tally.exitCodes.push(ExitCode.badInput);
    } catch (error) {
      await keep(item.raw, error, tally, keeping);
    }
  }
  if (items === 0) reportEmptyInput(tally, keeping.log);
  return tally;
}

/** Whatever stands in the way of an event, the event itself goes into the spool. */
async function keep(
  raw: Buffer,
  error: unknown,
  tally: Tally,
  { config, log, clock, onTrouble }: Keeping,
): Promise<void> {
  const { busy, left } = error instanceof StoreError ? error : { busy: false, left: false };
  if (error instanceof StoreError) onTrouble(error);
  try {
    const { writeSpool } = await import('./spool/spool.ts');
    const file = writeSpool(config.spool, raw, clock.nowMs());
    tally.deferred ||= busy;
    if (left) tally.silent.push(messageOf(error));
    else if (busy) log.warn('database busy: event kept in the spool', { file });
    else reportKept(error, file, log);
  } catch (spoolError) {
    // The cause is the same: this program's files may not be read.
    if (closedProgram(spoolError) === undefined) reportError(error, log);
    reportError(lostEvent(config.spool, spoolError), log);
  }
  if (!busy && !left) tally.exitCodes.push(exitCodeOf(error));
}

function reportKept(error: unknown, file: string, log: Log): void {
  if (!(error instanceof OperatorError)) {
    reportError(error, log);
    return;
  }
  const hint = `${error.hint}; then run: xapplepush flush`;
  const message = `${error.message}; the event is kept in ${file}`;
  reportError(new OperatorError(message, { exitCode: error.exitCode, hint, cause: error }), log);
}

function lostEvent(spool: string, error: unknown): OperatorError {
  const closed = closedProgram(error);
  const why = messageOf(closed ?? error);
  return new OperatorError(`the event is lost: it cannot be kept in spool ${spool} either (${why})`, {
    exitCode: ExitCode.tryAgain,
    hint: closed?.hint ?? `make the spool writable: install -d -m 0750 -o cyrus -g mail ${spool}`,
    cause: error,
  });
}

function reportEmptyInput(tally: Tally, log: Log): void {
  const hint = 'notifyd writes an event to standard input; to try it: xapplepush < event.json';
  reportError(
    new OperatorError('empty input, expected an event in JSON', { exitCode: ExitCode.badInput, hint }),
    log,
  );
  tally.exitCodes.push(ExitCode.badInput);
}

async function deliver(
  tally: Tally,
  options: Pick<HandleOptions, 'config' | 'log' | 'clock'> & { inForeground: boolean; store: StoreOnce },
): Promise<ExitCode> {
  const { config, log, clock, inForeground, store } = options;
  const targetIds = [...tally.targetIds];
  try {
    if (targetIds.length > 0 && inForeground) {
      const { deliverNow } = await import('./delivery/foreground.ts');
      return await deliverNow({ config, log, store: await store.get(), clock, targetIds });
    }
    if (targetIds.length > 0) {
      const { ensureDelivery } = await import('./delivery/wake.ts');
      await ensureDelivery(config, await store.get(), clock, log);
      store.leaveOpen(); // to whoever delivers
      return ExitCode.ok;
    }
    if (tally.notices > 0) await (await import('./delivery/wake.ts')).wakeServe(config);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    // The rows are committed; only who may start a deliverer could not be written down.
    tally.deferred = true;
  }
  if (tally.deferred) {
    const { pokeOrStart } = await import('./delivery/wake.ts');
    await pokeOrStart(config, log);
  }
  return ExitCode.ok;
}

/** Where events are kept that nobody can read a configuration for. */
interface Refuge extends Pick<HandleOptions, 'input' | 'clock'> {
  spool: string;
  /** Writes to standard error. */
  tell: (text: string) => void;
}

/**
 * Keeps the events on the input where the configuration cannot be used, for `flush` to read when it is fixed.
 * Gives the exit code of that error.
 */
export async function handleWithoutConfig(error: OperatorError, refuge: Refuge): Promise<ExitCode> {
  const { input, spool } = refuge;
  reportError(error, refuge);
  if (!existsSync(spool)) return error.exitCode;
  for (const { raw } of readEvents(input)) if (raw.length > 0) await keepQuietly(raw, refuge);
  return error.exitCode;
}

async function keepQuietly(raw: Buffer, refuge: Refuge): Promise<void> {
  const { spool, clock } = refuge;
  try {
    const { writeSpool } = await import('./spool/spool.ts');
    writeSpool(spool, raw, clock.nowMs());
  } catch (error) {
    reportError(lostEvent(spool, error), refuge);
  }
}
