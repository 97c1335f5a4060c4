import { expect, it } from 'vitest';
import { isStorableText } from '../../src/mailboxes/storable-text.ts';

it.each(['', 'alice', 'ärger', '\u{1F600}', 'a\tb'])('%j can be stored', (text) => {
  expect(isStorableText(text)).toBe(true);
});

it.each(['\0', 'a\0', '\ud83d', 'a\ude00b', '\ude00\ud83d'])('%j cannot', (text) => {
  expect(isStorableText(text)).toBe(false);
});
