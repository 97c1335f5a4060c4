import { because, delayText, STATES } from '../status/screen.ts';
import type { Certificate } from '../status/certificates.ts';
import type { Status } from '../status/status.ts';
import { agoText, countOf, timeAndAge, timeText } from '../process/text.ts';
import { type Content, html, type Markup } from './html.ts';
import type { Pushes } from './pushes.ts';
import { rowOf, tableOf } from './table.ts';

/** Devices whose last renewal is so long ago. */
export interface Age {
  text: string;
  devices: number;
}

/** From the event to Apple's answer. Pure, as all here. */
export function delaysOf({ hour, day }: Pushes): Markup {
  const row = (name: string, { pushes, p50Ms, p99Ms }: Pushes['day']): Markup =>
    rowOf(name, pushes, ...[p50Ms, p99Ms].map((ms) => (ms === undefined ? '–' : delayText(ms))));
  const caption = 'From the event to the answer of Apple, of pushes that it took';
  return section('delays', 'Delay', [
    tableOf(caption, ['Within', 'Pushes', 'p50', 'p99'], [row('an hour', hour), row('a day', day)]),
  ]);
}

export function waitingOf({ waiting: { groups, nextMs }, nowMs }: Status): Markup {
  const rows = STATES.flatMap((state) => {
    const group = groups[state];
    if (group === undefined) return [];
    const reason = group.reason === null ? '' : `: ${group.reason}`;
    return rowOf(`${because(state)}${reason}`, group.pushes, agoText(group.oldestMs, nowMs));
  });
  if (rows.length === 0) return section('waiting', 'What waits', html`<p>No push waits.</p>`);
  const next = nextMs === undefined || nextMs <= nowMs ? 'due now' : timeAndAge(nextMs, nowMs);
  return section('waiting', 'What waits', [
    tableOf(`Next attempt: ${next}`, ['Why', 'Pushes', 'Oldest'], rows),
  ]);
}

/** A phone in use renews about daily. */
export function agesOf(ages: readonly Age[] | { trouble: string }): Markup {
  const name = 'Devices by last renewal';
  if ('trouble' in ages) return section('ages', name, html`<p>${ages.trouble}</p>`);
  const all = ages.reduce((sum, { devices }) => sum + devices, 0);
  if (all === 0) return section('ages', name, html`<p>No device has registered.</p>`);
  const rows = ages.map(({ text, devices }) => rowOf([text, bar(devices / all)], devices));
  return section('ages', name, [tableOf('A phone in use renews about daily', ['Renewed', 'Devices'], rows)]);
}

/** Apple gives certificates for a year, which a full bar stands for. */
const YEAR_DAYS = 365;

export function certificatesOf({ certificates, credentialTrouble }: Status): Markup {
  const tone = credentialTrouble === undefined ? 'attention' : 'bad';
  const parts = certificates.map(({ topic, endsMs, daysLeft = 0, warning, problems }: Certificate) => {
    const text = [...problems, ...(warning === undefined ? [] : [warning])].join('; ');
    const isWell = text === '';
    const end =
      endsMs === undefined
        ? html`<p>${problems.length === 0 ? 'a token, which has no end' : ''}</p>`
        : html`<p>
            ${bar(daysLeft / YEAR_DAYS, isWell ? '' : tone)} ${countOf(Math.max(0, daysLeft), 'day')} left,
            until ${timeText(endsMs).slice(0, 10)}; a full bar is a year
          </p>`;
    return html`<li>
      <p class="tag">${topic === '' ? 'no topic is known' : topic}</p>
      ${end} ${isWell ? undefined : html`<p class="${tone}"><span class="tag">${text}</span></p>`}
    </li>`;
  });
  return section(
    'certificates',
    'Certificate',
    html`<ul>
      ${parts}
    </ul>`,
  );
}

export function section(id: string, name: string, content: Content): Markup {
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${name}</h2>
    ${content}
  </section>`;
}

export function momentOf(ms: number): Markup {
  return html`<time datetime="${timeText(ms)}">${momentText(ms)}</time>`;
}

export function momentText(ms: number): string {
  return `${timeText(ms).slice(0, 19).replace('T', ' ')} UTC`;
}

/** What is said beside it in words, drawn. */
function bar(share: number, tone = ''): Markup {
  const width = Math.round(1000 * Math.min(1, Math.max(0, share))) / 10;
  return html`<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="100" height="1" />
    <rect class="fill ${tone}" width="${width}" height="1" />
  </svg>`;
}
