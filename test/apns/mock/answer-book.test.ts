import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
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

test('many changes within one tick of the clock, all of one length', () => {
  const answers = book();
  for (let status = 300; status < 400; status += 1) {
    writeFileSync(file, `{"*": ["${status}"]}`);
    expect(answers.next('aa')).toBe(String(status));
  }
});

describe('a file that has not changed for a while', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    writeFileSync(file, '{"*": ["500"]}');
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('counts when it is written again, in the same length', () => {
    const answers = book();
    const { ctimeMs } = statSync(file);
    while (statSync(file).ctimeMs === ctimeMs) writeFileSync(file, '{"*": ["503"]}');
    expect(answers.next('aa')).toBe('503');
  });

  test('counts when another takes its name that was written at the same moment', () => {
    writeFileSync(`${file}.new`, '{"*": ["503"]}');
    const answers = book();
    renameSync(`${file}.new`, file);
    expect(answers.next('aa')).toBe('503');
  });

  test('counts no more when it is gone, and again when it is back', () => {
    const answers = book();
    renameSync(file, `${file}.away`);
    expect(answers.next('aa')).toBe('200');
    renameSync(`${file}.away`, file);
    expect(answers.next('aa')).toBe('500');
  });
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
