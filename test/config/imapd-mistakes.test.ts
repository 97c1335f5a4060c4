import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { placesIn } from '../../src/check/imapd-place.ts';
import { readImapdLines } from '../../src/config/imapd-conf.ts';
import { mistakesIn } from '../../src/config/imapd-mistakes.ts';
import { temporaryFolder } from '../support/store.ts';

function written(text: string): string {
  const file = join(temporaryFolder(), 'imapd.conf');
  writeFileSync(file, text);
  return file;
}

function judged(text: string): { file: string; said: string[]; fixes: string[] } {
  const file = written(text);
  const mistakes = mistakesIn(readImapdLines(file));
  const shown = (key: 'text' | 'fix'): string[] => mistakes.map((each) => each[key].replaceAll(file, 'FILE'));
  return { file, said: shown('text'), fixes: shown('fix') };
}

describe('lines that Cyrus does not start with', () => {
  test('an option that is set twice', () => {
    const { said, fixes } = judged('# x\naps_topic: a\n\nAPS_TOPIC: b\n');
    expect(said).toEqual(['FILE:4: aps_topic is set a second time, after FILE:2: Cyrus does not start']);
    expect(fixes).toEqual(['remove one of the two lines: FILE:2 or FILE:4']);
  });

  test('groups with commas', () => {
    const { said, fixes } = judged('event_groups: applepushservice, message,flags\n');
    expect(said).toEqual([
      'FILE:1: event_groups: applepushservice, message,flags: Cyrus separates groups by spaces, not by commas, and does not start',
    ]);
    expect(fixes).toEqual(['FILE:1: event_groups: applepushservice message flags']);
  });

  test('a group that there is not', () => {
    expect(judged('event_groups: message flag\n').said[0]).toContain(
      'Cyrus knows no group flag, and does not start',
    );
  });

  test('none in what is right', () => {
    expect(
      judged('event_groups: ApplePushService message \\\n  flags calendar\naps_topic: a, b\n').said,
    ).toEqual([]);
  });
});

test('places go through included files, and count a line that goes on by its first', () => {
  const file = written('event_groups: message \\\n  flags\naps_topic: a\n@include: more/x.conf\n');
  const more = join(file, '../more');
  mkdirSync(more);
  writeFileSync(join(more, 'x.conf'), '\nallowplaintext: yes\n');
  const { placeOf } = placesIn(file, readImapdLines(file));
  expect(['event_groups', 'aps_topic', 'allowplaintext', 'event_notifier'].map(placeOf)).toEqual([
    `${file}:1`,
    `${file}:3`,
    `${more}/x.conf:2`,
    `in ${file}`,
  ]);
});
