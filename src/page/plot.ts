import { html, type Markup } from './html.ts';
import { hoursOf, type Share, SHARE_MS, sumOf } from './pushes.ts';
import { tableOf } from './table.ts';

const WIDTH = 960;
const HEIGHT = 180;

/** Something is seen of a single push beside thousands. */
const LEAST = 3;

const MINUTES = SHARE_MS / 60_000;

/** Bars of what Apple took above a line, of what it did not below it; a table says the same hour by hour. Pure. */
export function plotOf(shares: readonly Share[], clock: (ms: number) => string): Markup {
  const { delivered, failed } = sumOf(shares);
  const summary =
    `In 24 hours ${delivered} pushes delivered and ${failed} failed; ` +
    `at most ${aMinute(mostOf(shares, 'delivered'))} delivered and ${aMinute(mostOf(shares, 'failed'))} failed a minute.`;
  return html`<figure>
      <p class="axis"><span>pushes a minute, at most ${aMinute(mostOf(shares, 'delivered'))}</span></p>
      ${svgOf(shares, summary)}
      <p class="axis" aria-hidden="true">
        <span>24 h ago</span><span>18</span><span>12</span><span>6</span><span>now</span>
      </p>
      <figcaption>
        <span><i class="key delivered"></i>${delivered} delivered</span>
        <span><i class="key failed"></i>${failed} failed, drawn below the line</span>
      </figcaption>
    </figure>
    <details>
      <summary>The same as a table</summary>
      ${hourTable(shares, clock)}
    </details>`;
}

function svgOf(shares: readonly Share[], summary: string): Markup {
  const [most, worst] = [mostOf(shares, 'delivered'), mostOf(shares, 'failed')];
  const least = (worst > 0 ? LEAST : 0) + LEAST;
  const scale = (HEIGHT - 2 * least) / Math.max(1, most + worst);
  const line = HEIGHT - least - worst * scale;
  const step = WIDTH / shares.length;
  const height = (count: number): number => (count === 0 ? 0 : Math.max(LEAST, round(count * scale)));
  const bar = (kind: 'delivered' | 'failed', index: number, count: number): Markup | undefined => {
    if (count === 0) return undefined;
    const y = kind === 'failed' ? line : line - height(count);
    return html`<rect
      class="${kind}"
      x="${round(index * step)}"
      y="${round(y)}"
      width="${round(step - 1)}"
      height="${height(count)}"
    />`;
  };
  return html`<svg
    class="plot"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    preserveAspectRatio="none"
    role="img"
    aria-label="${summary}"
  >
    ${shares.map(({ delivered, failed }, index) => [
      bar('delivered', index, delivered),
      bar('failed', index, failed),
    ])}
    <path class="rule" d="M0 ${round(line)}H${WIDTH}" vector-effect="non-scaling-stroke" />
  </svg>`;
}

function hourTable(shares: readonly Share[], clock: (ms: number) => string): Markup {
  const rows = hoursOf(shares).map(
    ({ fromMs, delivered, failed }) =>
      html`<tr>
        <th scope="row" class="when">${clock(fromMs)}</th>
        <td class="number">${delivered}</td>
        <td class="number">${failed}</td>
      </tr>`,
  );
  return tableOf('Pushes by hour, newest first', ['From (UTC)', 'Delivered', 'Failed'], rows.reverse());
}

function mostOf(shares: readonly Share[], kind: 'delivered' | 'failed'): number {
  return Math.max(0, ...shares.map((share) => share[kind]));
}

/** Of the pushes of one share. */
function aMinute(count: number): string {
  const rate = count / MINUTES;
  return rate >= 10 || Number.isInteger(rate) ? String(Math.round(rate)) : rate.toFixed(1);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
