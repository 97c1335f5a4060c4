import type { ImapdLine } from '../config/imapd-conf.ts';
import { type Point, problem } from './point.ts';

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

/** What Cyrus (3.6.1, 3.10.2) does not start with: an option set twice, and a word that it does not know. Pure. */
export function judgeImapdLines(point: string, lines: readonly ImapdLine[]): Point[] {
  return [...twice(point, lines), ...lines.flatMap((line) => misspelt(point, line))];
}

function twice(point: string, lines: readonly ImapdLine[]): Point[] {
  return lines.flatMap(({ name, file, line }, index) => {
    const first = lines.slice(0, index).find((each) => each.name === name);
    if (first === undefined) return [];
    const [place, earlier] = [`${file}:${line}`, `${first.file}:${first.line}`];
    return [
      problem(
        point,
        `${place}: ${name} is set a second time, after ${earlier}: Cyrus does not start`,
        `remove one of the two lines: ${earlier} or ${place}`,
      ),
    ];
  });
}

function misspelt(point: string, { name, value, file, line }: ImapdLine): Point[] {
  if (name !== 'event_groups') return [];
  const words = value.split(/[\s,;]+/).filter((word) => word !== '');
  const unknown = words.filter((word) => !GROUPS.includes(word.toLowerCase()));
  if (unknown.length === 0 && !/[,;]/.test(value)) return [];
  const why =
    unknown.length > 0 ? `knows no group ${unknown.join(' ')}` : 'separates groups by spaces, not by commas';
  return [
    problem(
      point,
      `${file}:${line}: event_groups: ${value}: Cyrus ${why}, and does not start`,
      `${file}:${line}: event_groups: applepushservice message flags`,
    ),
  ];
}
