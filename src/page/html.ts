import { visible } from '../process/text.ts';

/** Markup that is safe to show; made by `html` alone, and of constants by `trusted`. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes; of a list each in turn, and nothing of undefined. */
export type Content = Markup | string | number | undefined | readonly Content[];

/** The one way into the page: each value becomes text, whatever it holds; only markup of this tag stays markup. */
export function html(strings: TemplateStringsArray, ...values: Content[]): Markup {
  return new Markup(strings.map((text, index) => text + markupOf(values[index])).join(''));
}

/** A constant of the program's own, such as its style. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function markupOf(value: Content): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(markupOf).join('');
  return escaped(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Also shows characters that would turn the direction of what follows, or hide it. */
function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
