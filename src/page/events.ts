import type { Entry } from '../history/entry.ts';
import { colourOf, rowOf } from '../history/row.ts';
import { timeText } from '../process/text.ts';
import { momentOf, section } from './figures.ts';
import { html, type Markup } from './html.ts';
import { tableOf } from './table.ts';

/** The latest of the history, of one user where one is named. */
export interface Events {
  /** '' for all. */
  user: string;
  /** Oldest first; or why they cannot be told. */
  entries: readonly Entry[] | { trouble: string };
  /** Why there may be none that are about that user, or any; undefined where there are some. */
  explanation: string | undefined;
  /** More are not shown. */
  limit: number;
  /** Since when the history was read, where that is not all of it. */
  sinceMs?: number | undefined;
}

/** Why was my phone silent? Pure. */
export function eventsOf({ user, entries, explanation, limit, sinceMs }: Events, nowMs: number): Markup {
  return section('events', 'The latest events', [
    html`<form method="get" role="search" aria-label="Events of a user">
      <label
        >User, or users such as *@example.org
        <input name="user" value="${user}" autocomplete="off" autocapitalize="none" spellcheck="false" />
      </label>
      <button>Show</button>
      ${user === '' ? undefined : html`<a href="?">all users</a>`}
    </form>`,
    sinceMs === undefined ? undefined : html`<p>The history was read back to ${momentOf(sinceMs)}.</p>`,
    'trouble' in entries
      ? html`<p>${entries.trouble}</p>`
      : [silenceOf(entries, explanation), listOf(entries, nowMs, user, limit)],
  ]);
}

/** Why there may be nothing to tell. */
function silenceOf(entries: readonly Entry[], explanation: string | undefined): Markup | undefined {
  if (explanation === undefined) return undefined;
  return html`<p>${entries.length === 0 ? 'No entries; ' : 'Nothing about this user: '}${explanation}.</p>`;
}

function listOf(entries: readonly Entry[], nowMs: number, user: string, limit: number): Markup | undefined {
  if (entries.length === 0) return undefined;
  const caption = `${captionOf(user)}, newest first, ${limit} at most. Times are UTC.`;
  const rows = entries.map((entry) => eventOf(entry, nowMs)).reverse();
  return tableOf(caption, ['Time', 'User and device', 'What became of it'], rows, { hasFigures: false });
}

function captionOf(user: string): string {
  return user === '' ? 'Events and what became of them' : `Events of ${user} and what became of them`;
}

const TONES: Readonly<Record<string, string>> = {
  green: 'good',
  yellow: 'attention',
  red: 'bad',
  dim: 'quiet',
};

function eventOf(entry: Entry, nowMs: number): Markup {
  const row = rowOf(entry, { time: (ms) => shortTime(ms ?? 0, nowMs) });
  const [at = '', user = '', device = '', event = '', mailbox = '', became = ''] = row;
  return html`<tr>
    <td class="when"><time datetime="${timeText(entry.atMs)}">${at}</time></td>
    <td>${user} ${line([device, entry.host ?? ''], ' on ')}</td>
    <td>
      <span class="${TONES[colourOf(entry) ?? '']}">${became}</span>
      ${line([event, mailbox], ' in ')}
    </td>
  </tr>`;
}

/** What of it there is, below the rest of the cell. */
function line(parts: readonly string[], between: string): Markup | undefined {
  const text = parts.filter((part) => part !== '').join(between);
  return text === '' ? undefined : html`<br /><span class="quiet">${text}</span>`;
}

/** With its day where that is another. */
function shortTime(ms: number, nowMs: number): string {
  const [day = '', time = ''] = timeText(ms).split('T');
  const isToday = timeText(nowMs).startsWith(day);
  return `${isToday ? '' : `${day.slice(5)} `}${time.slice(0, 8)}`;
}
