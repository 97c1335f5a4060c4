import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAnswerBook, type AnswerBook } from '../../../src/apns/mock/answer-book.ts';

let dir: string;
let file: string;
let warnings: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xapplepush-answers-'));
  file = join(dir, 'answers.json');
  warnings = [];
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

function book(initial: Parameters<typeof createAnswerBook>[0] = {}): AnswerBook {
  return createAnswerBook(initial, file, (message) => warnings.push(message));
}

function next(from: AnswerBook, token: string, times: number): unknown[] {
  return Array.from({ length: times }, () => from.next(token));
}

test('200 where nothing is said', () => {
  expect(next(book(), 'aa', 2)).toEqual(['200', '200']);
});

test('answers in turn, the last one stays, each token its own', () => {
  const answers = book({ '*': ['503'], AA: ['500', '429', '200'] });
  expect(next(answers, 'aa', 4)).toEqual(['500', '429', '200', '200']);
  expect(next(answers, 'bb', 2)).toEqual(['503', '503']);
});

test('set replaces what was left', () => {
  const answers = book({ aa: ['500', '429'] });
  answers.set('AA', ['silent', '200']);
  expect(next(answers, 'Aa', 3)).toEqual(['silent', '200', '200']);
  answers.set('*', ['503']);
  answers.set('aa', []);
  expect(answers.next('aa')).toBe('503');
});

test('the file comes before the rest whenever it changes, and without it the beginning comes back', () => {
  const answers = book({ '*': ['503'], aa: ['500'] });
  writeFileSync(file, '{"*": ["200", "silent"]}');
  expect(next(answers, 'bb', 3)).toEqual(['200', 'silent', 'silent']);
  expect(answers.next('aa')).toBe('500');
  writeFileSync(file, '{"aa": ["410"]}');
  expect([answers.next('aa'), answers.next('bb')]).toEqual(['410', '503']);
  rmSync(file);
  expect([answers.next('aa'), answers.next('bb')]).toEqual(['500', '503']);
  expect(warnings).toEqual([]);
});

test('a file that was there before counts from the beginning, and set after it holds', () => {
  writeFileSync(file, '{"*": ["503"]}');
  const answers = book();
  answers.set('aa', ['410']);
  expect([answers.next('aa'), answers.next('bb')]).toEqual(['410', '503']);
});

test.each(['', '{"*"', '{"*": ["sulky"]}', '[]'])(
  'a bad file changes nothing and is told once: %j',
  (text) => {
    const answers = book({ '*': ['503'] });
    writeFileSync(file, text);
    expect(next(answers, 'aa', 2)).toEqual(['503', '503']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`${file} is not used: `);
  },
);

test('a file that cannot be read is told', () => {
  const answers = book({ '*': ['503'] });
  mkdirSync(file);
  expect(answers.next('aa')).toBe('503');
  expect(warnings[0]).toContain('EISDIR');
});
