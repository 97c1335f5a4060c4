import { type Verdict, verdictOf } from '../status/verdict.ts';
import type { Finding } from '../status/finding.ts';
import type { Look } from '../status/look.ts';
import { delayText, rowsOf } from '../status/screen.ts';
import type { Status } from '../status/status.ts';
import { agoText, countOf, spanText, timeText } from '../process/text.ts';
import { type Age, agesOf, certificatesOf, delaysOf, momentOf, momentText, waitingOf } from './figures.ts';
import { type Events, eventsOf } from './events.ts';
import { html, type Markup, trusted } from './html.ts';
import { plotOf } from './plot.ts';
import { HOUR_MS, lastHourOf, type Pushes, sumOf } from './pushes.ts';
import { STYLE } from './style.ts';

/** All that the page shows. */
export interface PageData {
  look: Look;
  /** Or why they are not known. */
  pushes: Pushes | { trouble: string };
  ages: readonly Age[] | { trouble: string };
  events: Events;
  host: string;
  version: string;
}

/** The page as a document. Pure. */
export function pageOf(data: PageData): string {
  const { look, host, version } = data;
  const verdict = 'verdict' in look ? look.verdict : verdictOf(look);
  const headline = headlineOf(verdict);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${headline} – xapplepush on ${host}</title>
        <link rel="icon" href="${iconOf(verdict)}" />
        ${trusted(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <a class="skip" href="#events">To the latest events</a>
        <header>
          <div class="verdict ${verdict.state}">
            <h1>${headline}</h1>
            <p>xapplepush on ${host}, as of ${momentOf(look.nowMs)}</p>
          </div>
        </header>
        <main>${findingsOf(verdict.findings)} ${bodyOf(data)} ${eventsOf(data.events, look.nowMs)}</main>
        <footer class="quiet">
          xapplepush ${version}. The page is computed when it is asked for; load it again for newer figures.
        </footer>
      </body>
    </html>`.text;
}

/** What is wrong where that is one thing, else how many things are. */
function headlineOf({ state, findings }: Verdict): string {
  const worst = findings.filter(({ severity }) => state !== 'broken' || severity === 'broken');
  const [only, ...others] = worst;
  if (only === undefined) return 'works';
  const what = others.length === 0 ? only.text : undefined;
  if (state === 'broken') return `does not work: ${what ?? `${worst.length} things are wrong`}`;
  return `works, but ${what ?? `${worst.length} things need attention`}`;
}

const ICONS: Readonly<Record<Verdict['state'], string>> = {
  works: '<circle cx="8" cy="8" r="7" fill="#2a9d55"/>',
  attention: '<path d="M8 1 15 15H1z" fill="#d98e04"/>',
  broken: '<rect x="2" y="2" width="12" height="12" fill="#d3392f"/>',
};

/** By form and by colour: the tab tells it too. */
function iconOf({ state }: Verdict): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${ICONS[state]}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function findingsOf(findings: readonly Finding[]): Markup | undefined {
  if (findings.length === 0) return undefined;
  return html`<section aria-labelledby="findings">
    <h2 id="findings">What was found, and what to do</h2>
    <ul>
      ${findings.map(
        ({ severity, text, fix }) =>
          html`<li>
            <p>
              <span class="tag ${severity === 'broken' ? 'bad' : 'attention'}"
                >${severity === 'broken' ? 'Broken' : 'Attention'}:</span
              >
              ${text}
            </p>
            <p><span class="tag">Fix:</span> ${fix ?? 'see: xapplepush check'}</p>
          </li>`,
      )}
    </ul>
  </section>`;
}

function bodyOf({ look, pushes, ages }: PageData): Markup {
  if ('verdict' in look) return restOf(look);
  return html`${overviewOf(look, pushes)}
    <section aria-labelledby="pushes">
      <h2 id="pushes">Pushes in the last 24 hours</h2>
      ${'trouble' in pushes ? html`<p>${pushes.trouble}</p>` : plotted(pushes)}
    </section>
    <div class="pair">
      ${'trouble' in pushes ? undefined : delaysOf(pushes)} ${waitingOf(look)} ${agesOf(ages)}
      ${certificatesOf(look)}
    </div>
    ${restOf(look)}`;
}

function plotted({ shares, sinceMs }: Pushes): Markup {
  const partly = sinceMs === undefined ? undefined : html`<p>Known since ${momentOf(sinceMs)}.</p>`;
  return html`${partly} ${plotOf(shares, (ms) => timeText(ms).slice(11, 16))}`;
}

/** The figures that one looks for first. */
function overviewOf(status: Status, pushes: PageData['pushes']): Markup {
  const { targets, users } = status.targets;
  return html`<dl class="figures">
    ${figure('Devices', targets, `of ${countOf(users, 'user')}`)} ${waitingFigure(status)}
    ${deliveredFigure(pushes, status.nowMs)} ${delayFigure(pushes)} ${successFigure(status)}
  </dl>`;
}

function waitingFigure({ waiting: { groups, oldest }, nowMs }: Status): Markup {
  const waits = Object.values(groups).reduce((sum, { pushes }) => sum + pushes, 0);
  return figure('Waiting', waits, oldest === undefined ? 'pushes' : `oldest ${agoText(oldest.ms, nowMs)}`);
}

/** Of the same entries as the plot: `status` reads fewer, and its counts would contradict. */
function deliveredFigure(pushes: PageData['pushes'], nowMs: number): Markup {
  if ('trouble' in pushes) return figure('Delivered', '–', 'not known');
  const { shares, sinceMs = 0 } = pushes;
  const { delivered, failed } = sumOf(lastHourOf(shares));
  const span = sinceMs > nowMs - HOUR_MS ? `since ${momentText(sinceMs)}` : 'within the hour';
  return figure('Delivered', delivered, `${span}; ${failed} failed`);
}

function delayFigure(pushes: PageData['pushes']): Markup {
  if ('trouble' in pushes) return figure('Delay', '–', 'not known');
  const { p50Ms, p99Ms } = pushes.hour;
  if (p50Ms === undefined || p99Ms === undefined) return figure('Delay', '–', 'no push within the hour');
  return figure('Delay', delayText(p50Ms), `median; p99 ${delayText(p99Ms)}`);
}

function successFigure({ targets: { lastSuccess }, nowMs }: Status): Markup {
  if (lastSuccess === undefined) return figure('Last success', 'never', '');
  const { ms } = lastSuccess;
  return figure('Last success', spanText(nowMs - ms), `ago, ${momentText(ms)}`);
}

function figure(name: string, value: string | number, more: string): Markup {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
    <dd>${more}</dd>
  </div>`;
}

/** What has a place of its own above. */
const SHOWN_ABOVE = new Set([
  ...['', 'devices', 'waiting', 'certificate', 'as of', 'fix'],
  ...['pushes', 'last hour', 'last day'],
]);

/** All else that `status` tells, in its words. */
function restOf(look: Look): Markup {
  const rows = rowsOf(look).filter(({ name }) => !SHOWN_ABOVE.has(name));
  const tones = { plain: '', good: 'good', attention: 'attention', bad: 'bad' };
  return html`<section aria-labelledby="state">
    <h2 id="state">As xapplepush status tells it</h2>
    <table class="names">
      <tbody>
        ${rows.map(
          ({ name, text, tone }) =>
            html`<tr>
              <th scope="row">${name}</th>
              <td><span class="tone ${tones[tone]}">${text}</span></td>
            </tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}
