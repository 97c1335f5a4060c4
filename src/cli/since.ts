import { parseDuration } from '../config/duration.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { instantOf } from '../transfer/instant.ts';

/**
 * The instant that `--since` names, in milliseconds since the epoch: a time ago (`1h`), or what journalctl(1) takes, by
 * the clock of this host's time zone: `2026-11-29`, `2026-11-29 14:00`, `14:00`, `today`, `yesterday`. Throws
 * OperatorError (exit 64) for anything else.
 */
export function sinceOption(text: string, nowMs: number): number {
  const sinceMs = since(text.trim(), nowMs);
  if (sinceMs !== undefined) return sinceMs;
  throw new OperatorError(
    `--since is ${JSON.stringify(text)}, expected a time such as 1h, yesterday or 14:00`,
    {
      exitCode: ExitCode.usage,
      hint: "also today, 2026-11-29 and '2026-11-29 14:00'; units are s, m, h and d",
    },
  );
}

function since(text: string, nowMs: number): number | undefined {
  const agoMs = parseDuration(text.replace(/^-| ago$/, ''));
  if (agoMs !== undefined) return nowMs - agoMs;
  if (text === 'now') return nowMs;
  if (text === 'today') return midnight(nowMs, 0);
  if (text === 'yesterday') return midnight(nowMs, -1);
  return clockTime(text, nowMs);
}

/** RFC 3339 with its parts left out that journalctl lets one leave out: the date is today, the time 00:00. */
const INSTANT = /^(\d{4}-\d{2}-\d{2})?(?:(?:^|[T ])((?:[01]\d|2[0-3]):\d{2}(?::\d{2})?))?(Z?)$/;

function clockTime(text: string, nowMs: number): number | undefined {
  const [match, date, time = '00:00', zone] = INSTANT.exec(text) ?? [];
  if (match === undefined || /^Z?$/.test(match)) return undefined;
  const instant = `${date ?? dayOf(nowMs)}T${time.length > 5 ? time : `${time}:00`}`;
  // Without a zone Date.parse takes it as local time, and instantOf says whether there is such a day.
  return instantOf(`${instant}Z`) === undefined ? undefined : Date.parse(`${instant}${zone ?? ''}`);
}

function dayOf(ms: number): string {
  const date = new Date(ms);
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0'));
  return `${date.getFullYear()}-${month ?? ''}-${day ?? ''}`;
}

function midnight(nowMs: number, days: number): number {
  const now = new Date(nowMs);
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days).getTime();
}
