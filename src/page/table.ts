import { type Content, html, type Markup } from './html.ts';

/** All columns but the first are figures, unless it has no figures. */
export function tableOf(
  caption: string,
  headings: readonly string[],
  rows: readonly Markup[],
  { hasFigures } = { hasFigures: true },
): Markup {
  return html`<table>
    <caption>
      ${caption}
    </caption>
    <thead>
      <tr>
        ${headings.map((heading, index) => headingOf(heading, hasFigures && index > 0))}
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

function headingOf(heading: string, isFigure: boolean): Markup {
  return isFigure
    ? html`<th scope="col" class="number">${heading}</th>`
    : html`<th scope="col">${heading}</th>`;
}

export function rowOf(name: Content, ...figures: (string | number)[]): Markup {
  return html`<tr>
    <th scope="row">${name}</th>
    ${figures.map((text) => html`<td class="number">${text}</td>`)}
  </tr>`;
}
