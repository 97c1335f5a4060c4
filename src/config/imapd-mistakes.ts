import type { ImapdLine } from './imapd-conf.ts';

/** imapd.conf(5), event_groups, of 3.6 to 3.12. */
const GROUPS = [
  'message',
  'quota',
  'flags',
  'access',
  'mailbox',
  'subscription',
  'calendar',
  'applepushservice',
];

/** imapd.conf(5) of 3.6 and 3.10. */
const DEFAULT_GROUPS = 'message mailbox';

export const WANTED_GROUPS = 'event_groups: applepushservice message flags';

/** The events that Cyrus tells of. Commas, with which Cyrus does not start, are a mistake of their own. */
export function groupsIn(options: ReadonlyMap<string, string>): readonly string[] {
  return wordsOf(options.get('event_groups') ?? DEFAULT_GROUPS).map((word) => word.toLowerCase());
}

function wordsOf(value: string): string[] {
  return value.split(/[\s,;]+/).filter((word) => word !== '');
}

export interface Mistake {
  text: string;
  fix: string;
}

/** What Cyrus (3.6.1, 3.10.2) does not start with: an option set twice, and a word that it does not know. Pure. */
export function mistakesIn(lines: readonly ImapdLine[]): Mistake[] {
  return [...twice(lines), ...lines.flatMap(misspelt)];
}

function twice(lines: readonly ImapdLine[]): Mistake[] {
  return lines.flatMap(({ name, file, line }, index) => {
    const first = lines.slice(0, index).find((each) => each.name === name);
    if (first === undefined) return [];
    const [place, earlier] = [`${file}:${line}`, `${first.file}:${first.line}`];
    const text = `${place}: ${name} is set a second time, after ${earlier}: Cyrus does not start`;
    return [{ text, fix: `remove one of the two lines: ${earlier} or ${place}` }];
  });
}

function misspelt({ name, value, file, line }: ImapdLine): Mistake[] {
  if (name !== 'event_groups') return [];
  const unknown = wordsOf(value).filter((word) => !GROUPS.includes(word.toLowerCase()));
  if (unknown.length === 0 && !/[,;]/.test(value)) return [];
  const why =
    unknown.length > 0 ? `knows no group ${unknown.join(' ')}` : 'separates groups by spaces, not by commas';
  const text = `${file}:${line}: event_groups: ${value}: Cyrus ${why}, and does not start`;
  return [{ text, fix: `${file}:${line}: ${WANTED_GROUPS}` }];
}
