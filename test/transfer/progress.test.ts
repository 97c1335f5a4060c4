import { expect, test } from 'vitest';
import { createProgress } from '../../src/transfer/progress.ts';

function watched(part: () => number | undefined): {
  texts: string[];
  at: (ms: number, done: number) => void;
  end: () => void;
} {
  let steadyMs = 1000;
  const texts: string[] = [];
  const clock = { nowMs: () => 0, steadyMs: () => steadyMs, sleep: () => Promise.resolve() };
  const { show, end } = createProgress({ write: (text) => void texts.push(text), clock, part });
  return {
    texts,
    at: (ms, done) => {
      steadyMs = 1000 + ms;
      show(done);
    },
    end,
  };
}

test('a line that is written over, four times a second at most, and taken away', () => {
  const { texts, at, end } = watched(() => 0.256);
  at(100, 50);
  at(249, 90);
  expect(texts).toEqual([]);
  at(250, 100);
  at(400, 200);
  at(500, 1000);
  expect(texts).toEqual(['\r100 devices, 25 %, 400 a second', '\r1000 devices, 25 %, 2000 a second']);
  end();
  expect(texts.slice(2)).toEqual([`\r${' '.repeat('1000 devices, 25 %, 2000 a second'.length)}`, '\r']);
});

test('what is over soon shows nothing, and no part where the end is not known', () => {
  const short = watched(() => undefined);
  short.at(200, 10);
  short.end();
  expect(short.texts).toEqual([]);
  const long = watched(() => undefined);
  long.at(2000, 10);
  expect(long.texts).toEqual(['\r10 devices, 5 a second']);
});

test('nothing where there is no terminal', () => {
  const clock = { nowMs: () => 0, steadyMs: () => 0, sleep: () => Promise.resolve() };
  const { show, end } = createProgress({ write: undefined, clock, part: () => 1 });
  expect(() => {
    show(1);
    end();
  }).not.toThrow();
});
