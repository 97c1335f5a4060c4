import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { targetEntry } from '../history/entries.ts';
import { openHistory } from '../history/history.ts';
import type { Log } from '../process/log.ts';
import { filterOf, type Selection } from '../devices/filter.ts';
import { countOf } from '../process/text.ts';
import type { Layout } from '../terminal/layout.ts';
import type { Hold } from '../outbox/hold.ts';
import type { HandledPush, WaitingCount, WaitingFilter } from '../outbox/waiting.ts';

export interface PushSelection extends Selection {
  heldBy?: Hold | undefined;
}

export interface OutboxCommand {
  config: Config;
  log: Log;
  clock: Clock;
  layout: Layout;
  /** Shows a text to whoever called; a long one perhaps page by page. */
  show: (text: string) => Promise<void> | void;
}

/** The same for the database. */
export function waitingFilterOf(config: Config, selection: PushSelection): WaitingFilter {
  return { ...filterOf(config, selection), heldBy: selection.heldBy };
}

/** What a person did is part of the answer to why a phone stayed silent. */
export function record(
  { config, clock, log }: OutboxCommand,
  pushes: readonly HandledPush[],
  change: 'push given up' | 'push made due',
): void {
  const history = openHistory({ config, clock, log });
  for (const push of pushes) history.record(targetEntry(push, change, clock.nowMs(), 'by hand'));
}

export function areOrIs(count: number): string {
  return count === 1 ? 'is' : 'are';
}

export function sendingNote({ sending }: Pick<WaitingCount, 'sending'>): string[] {
  if (sending === 0) return [];
  return [`${countOf(sending, 'push', 'pushes')} being sent now ${areOrIs(sending)} left alone`];
}

export function sentences(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}

export function noneMatches(): OperatorError {
  return new OperatorError('no waiting push matches', {
    exitCode: ExitCode.badInput,
    hint: 'see what waits: xapplepush outbox list',
  });
}
