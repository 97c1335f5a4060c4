import { describe, expect, test } from 'vitest';
import { type Batch, createBatch } from '../../../src/store/sqlite/batch.ts';

/** A database of which only the beginnings and ends of transactions are seen. */
function recorded(): {
  batch: Batch['add'];
  isOpen: Batch['isOpen'];
  seen: string[];
  failCommits: () => void;
  /** Its clock stands still otherwise. */
  passMs: (ms: number) => void;
} {
  const seen: string[] = [];
  let [fails, nowMs] = [false, 0];
  const commit = (body: () => void, durable: boolean): void => {
    seen.push('begin');
    body();
    if (fails) throw new Error('the disk is full');
    seen.push(durable ? 'commit' : 'commit unsynced');
  };
  const savepoint = (body: () => void): void => body();
  const { add, isOpen } = createBatch(commit, savepoint, () => nowMs);
  return {
    batch: add,
    isOpen,
    seen,
    failCommits: () => (fails = true),
    passMs: (ms) => (nowMs += ms),
  };
}

/** So many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('a batch', () => {
  test('commits together what is asked for in one turn, and what comes in the next two', async () => {
    const { batch, seen } = recorded();
    const answers = [batch(() => seen.push('a'))];
    for (const name of ['b', 'c']) {
      await turns(1);
      answers.push(batch(() => seen.push(name)));
    }
    await Promise.all(answers);
    expect(seen).toEqual(['begin', 'a', 'b', 'c', 'commit']);
  });

  test('is durable where one of them is to be so', async () => {
    const { batch, seen } = recorded();
    await Promise.all([batch(() => seen.push('a'), false), batch(() => seen.push('b'), false)]);
    await Promise.all([batch(() => seen.push('c'), false), batch(() => seen.push('d'), true)]);
    expect(seen).toEqual(['begin', 'a', 'b', 'commit unsynced', 'begin', 'c', 'd', 'commit']);
  });

  test('waits five milliseconds and no longer while more comes', async () => {
    const { batch, seen, passMs } = recorded();
    const answers = [batch(() => seen.push('a'))];
    for (const name of ['b', 'c', 'd', 'e', 'f']) {
      await turns(1);
      answers.push(batch(() => seen.push(name)));
      expect(seen).toEqual([]);
      passMs(1);
    }
    await turns(1);
    expect(seen).toEqual(['begin', 'a', 'b', 'c', 'd', 'e', 'f', 'commit']);
    await Promise.all(answers);
  });

  test('is open from the first that is asked for until it is committed', async () => {
    const { batch, isOpen } = recorded();
    expect(isOpen()).toBe(false);
    const answer = batch(() => expect(isOpen()).toBe(false));
    expect(isOpen()).toBe(true);
    await answer;
    expect(isOpen()).toBe(false);
  });

  test('gives an answer when it is committed, and what throws fails alone', async () => {
    const { batch, seen } = recorded();
    const bad = batch(() => {
      throw new Error('a bug');
    });
    const good = batch(() => 'value').then((value) => seen.push(value));
    await expect(bad).rejects.toThrow('a bug');
    await good;
    expect(seen).toEqual(['begin', 'commit', 'value']);
  });

  test('fails as a whole where the transaction does', async () => {
    const { batch, failCommits } = recorded();
    failCommits();
    const answers = [batch(() => 1), batch(() => 2)];
    await expect(answers[0]).rejects.toThrow('the disk is full');
    await expect(answers[1]).rejects.toThrow('the disk is full');
  });
});
