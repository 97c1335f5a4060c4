import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { drainSpool } from '../../src/intake/drain-spool.ts';
import { writeSpool } from '../../src/spool/spool.ts';
import type { Intake, Taken } from '../../src/intake/intake.ts';
import { OperatorError } from '../../src/process/errors.ts';
import { StoreError } from '../../src/store/errors.ts';
import { createTestClock } from '../support/clock.ts';
import { NOW_MS, temporaryFolder } from '../support/store.ts';

const BUSY = new StoreError('busy', { hint: 'wait', busy: true, cause: undefined });

/** Takes {"n":…}; calls what has no n bad. */
function recordingIntake(taken: unknown[], failAt?: number): Intake {
  return (item) => {
    const n = 'value' in item ? (item.value as { n?: number }).n : undefined;
    if (n !== undefined && n === failAt) return Promise.reject(BUSY);
    if (n !== undefined) taken.push(n);
    return Promise.resolve({ bad: n === undefined ? 'no number' : undefined } as Taken);
  };
}

const unreadable = new OperatorError('cannot read imapd.conf', { exitCode: 78, hint: 'let us read it' });

/** What has the key event needs an imapd.conf that cannot be read. */
function needing(take: Intake): Intake {
  return (item) =>
    'value' in item && Object.hasOwn(item.value as object, 'event') ? Promise.reject(unreadable) : take(item);
}

function spoolWith(...texts: string[]): string {
  const spool = join(temporaryFolder(), 'spool');
  for (const [n, text] of texts.entries()) writeSpool(spool, Buffer.from(text), NOW_MS + n);
  return spool;
}

function count(spool: string): Record<string, number> {
  const folders = readdirSync(spool);
  return Object.fromEntries(folders.map((folder) => [folder, readdirSync(join(spool, folder)).length]));
}

function drain(spool: string, intake: Intake): ReturnType<typeof drainSpool> {
  return drainSpool(spool, intake, createTestClock(Date.now()));
}

describe('drainSpool', () => {
  test('takes every file, oldest first, with every line in it', async () => {
    const taken: unknown[] = [];
    const spool = spoolWith('{"n":1}\n{"n":2}\n', '{"n":3}', '\n\n');
    expect(await drain(spool, recordingIntake(taken))).toEqual({ taken: 3, bad: 0, stuck: false });
    expect(taken).toEqual([1, 2, 3]);
    expect(count(spool)).toEqual({ tmp: 0, new: 0, cur: 0 });
  });

  test('sets aside what can never be taken, and takes the good lines in it', async () => {
    const taken: unknown[] = [];
    const spool = spoolWith('{"n":1}\n{}\n{"n":2}', 'not JSON', '{"n":3}');
    expect(await drain(spool, recordingIntake(taken))).toEqual({ taken: 1, bad: 2, stuck: false });
    expect(taken).toEqual([1, 2, 3]);
    const bad = readdirSync(join(spool, 'bad'));
    expect(bad.filter((name) => name.endsWith('.reason'))).toHaveLength(2);
    const [reason] = bad.filter((name) => name.endsWith('.reason'));
    expect(readFileSync(join(spool, 'bad', reason ?? ''), 'utf8')).toBe('no number\n');
    expect(await drain(spool, recordingIntake(taken))).toEqual({ taken: 0, bad: 0, stuck: false });
  });

  test('puts the file back when the database cannot take it, and stops there', async () => {
    const taken: unknown[] = [];
    const spool = spoolWith('{"n":1}', '{"n":2}', '{"n":3}');
    await expect(drain(spool, recordingIntake(taken, 2))).rejects.toBe(BUSY);
    expect(taken).toEqual([1]);
    expect(count(spool)).toMatchObject({ new: 2, cur: 0 });
    expect(await drain(spool, recordingIntake(taken))).toEqual({ taken: 2, bad: 0, stuck: false });
    expect(taken).toEqual([1, 2, 3]);
  });

  test('a link or a folder in it does not keep the others from being read', async () => {
    const taken: unknown[] = [];
    const spool = spoolWith('{"n":1}');
    const outside = join(temporaryFolder(), 'outside.json');
    writeFileSync(outside, '{"n":99}');
    symlinkSync(outside, join(spool, 'new', '0.json'));
    mkdirSync(join(spool, 'new', '1.json'));
    expect(await drain(spool, recordingIntake(taken))).toEqual({ taken: 1, bad: 2, stuck: false });
    expect(taken).toEqual([1]);
    expect(readFileSync(outside, 'utf8')).toBe('{"n":99}');
    expect(count(spool)).toMatchObject({ new: 0, cur: 0, bad: 4 });
  });

  test('a file that needs an unreadable imapd.conf waits, and behind it its user alone', async () => {
    const spool = spoolWith(
      '{"event":"ApplePushService","user":"alice"}',
      '{"n":1,"user":"bob"}',
      '{"n":2,"Username":"Alice"}',
      '{"n":3,"Username":"bob"}',
    );
    const taken: unknown[] = [];
    const intake = needing(recordingIntake(taken));
    expect(await drain(spool, intake)).toEqual({ taken: 2, bad: 0, stuck: false, trouble: unreadable });
    expect(taken).toEqual([1, 3]);
    expect(count(spool)).toMatchObject({ new: 2, cur: 0 });
  });

  describe('of a file in part:', () => {
    const [BAD_EVENT, UNREADABLE] = ['{}', '{"event":"ApplePushService","user":"alice"}'];
    const textsIn = (spool: string, folder: string): string[] =>
      readdirSync(join(spool, folder))
        .filter((name) => !name.endsWith('.reason'))
        .map((name) => readFileSync(join(spool, folder, name), 'utf8'));
    const FORMS: [string, (...events: string[]) => string][] = [
      ['a list', (...events) => `[${events.join(', ')}]`],
      ['lines', (...events) => events.join('\n')],
    ];

    test.each(FORMS)(
      '%s: what waits for imapd.conf waits alone, and nothing is taken anew',
      async (_, form) => {
        const late = '{"n":3,"Username":"Alice"}';
        const spool = spoolWith(form('{"n":1}', UNREADABLE, '{"n":2,"user":"bob"}', late), '{"n":4}');
        const taken: unknown[] = [];
        for (let look = 0; look < 3; look += 1)
          expect(await drain(spool, needing(recordingIntake(taken)))).toMatchObject({ trouble: unreadable });
        expect(taken).toEqual([1, 2, 4]);
        expect(textsIn(spool, 'new')).toEqual([`${UNREADABLE}\n${late}`]);
        expect(statSync(join(spool, 'new', readdirSync(join(spool, 'new'))[0] ?? '')).mtimeMs).toBe(NOW_MS);
        expect(count(spool)).toEqual({ tmp: 0, new: 1, cur: 0 });
        expect(await drain(spool, recordingIntake(taken))).toMatchObject({ bad: 1 }); // it has no n
        expect(taken).toEqual([1, 2, 4, 3]);
      },
    );

    test.each(FORMS)('%s: what is bad is set aside once, and what waits goes on waiting', async (_, form) => {
      const spool = spoolWith(form(BAD_EVENT, UNREADABLE, '{"n":1}'));
      const taken: unknown[] = [];
      expect(await drain(spool, needing(recordingIntake(taken)))).toMatchObject({
        bad: 1,
        trouble: unreadable,
      });
      expect(await drain(spool, needing(recordingIntake(taken)))).toMatchObject({
        bad: 0,
        trouble: unreadable,
      });
      expect(taken).toEqual([1]);
      expect(textsIn(spool, 'bad')).toEqual([form(BAD_EVENT, UNREADABLE, '{"n":1}')]);
      expect(textsIn(spool, 'new')).toEqual([UNREADABLE]);
    });

    test.each(FORMS)('%s: what the database took before it was locked is not taken anew', async (_, form) => {
      const spool = spoolWith(form('{"n":1}', '{"n":2}', '{"n":3}'), '{"n":4}');
      const taken: unknown[] = [];
      for (let look = 0; look < 3; look += 1)
        await expect(drain(spool, recordingIntake(taken, 2))).rejects.toBe(BUSY);
      expect(taken).toEqual([1]);
      expect(textsIn(spool, 'new').sort()).toEqual(['{"n":2}\n{"n":3}', '{"n":4}']);
      expect(await drain(spool, recordingIntake(taken))).toEqual({ taken: 2, bad: 0, stuck: false });
      expect(taken).toEqual([1, 2, 3, 4]);
    });

    test('what cannot be kept apart stays in the whole file', async () => {
      const spool = spoolWith('{"n":1}\n{"n":2}');
      rmSync(join(spool, 'tmp'), { recursive: true });
      writeFileSync(join(spool, 'tmp'), 'in the way');
      await expect(drain(spool, recordingIntake([], 2))).rejects.toThrow(BUSY);
      expect(textsIn(spool, 'new')).toEqual(['{"n":1}\n{"n":2}']);
    });

    test('a reader that is killed leaves all that is not taken', async () => {
      const spool = spoolWith(`[${UNREADABLE},{"n":1},{"n":2}]`);
      const reached = new Promise<void>((resolve) => {
        const dies = needing((item) => {
          if ('value' in item && (item.value as { n: number }).n === 1) return Promise.resolve({} as Taken);
          resolve();
          return new Promise(() => undefined);
        });
        void drain(spool, dies);
      });
      await reached;
      const taken: unknown[] = [];
      const later = createTestClock(Date.now() + 61_000);
      expect(await drainSpool(spool, needing(recordingIntake(taken)), later)).toMatchObject({
        trouble: unreadable,
      });
      expect(taken).toEqual([1, 2]);
      expect(textsIn(spool, 'new')).toEqual([UNREADABLE]);
    });
  });

  describe('files side by side', () => {
    const drainTogether = (spool: string, intake: Intake): ReturnType<typeof drainSpool> =>
      drainSpool(spool, intake, createTestClock(Date.now()), { filesAtOnce: 3 });

    test('so many are under way at once, and all are taken', async () => {
      const spool = spoolWith(...Array.from({ length: 8 }, (_, n) => `{"n":${n}}`));
      const taken: unknown[] = [];
      const take = recordingIntake(taken);
      let [underWay, most] = [0, 0];
      const intake: Intake = async (item) => {
        most = Math.max(most, (underWay += 1));
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        return take(item);
      };
      expect(await drainTogether(spool, intake)).toEqual({ taken: 8, bad: 0, stuck: false });
      expect(most).toBe(3);
      expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(count(spool)).toEqual({ tmp: 0, new: 0, cur: 0 });
    });

    test('an event does not overtake the registration before it', async () => {
      const spool = spoolWith('{"n":1,"apsAccountId":"x"}', '{"n":2}', '{"n":3}');
      const taken: unknown[] = [];
      const take = recordingIntake(taken);
      const intake: Intake = async (item) => {
        const registers = 'value' in item && Object.hasOwn(item.value as object, 'apsAccountId');
        if (registers) for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
        return take(item);
      };
      expect(await drainTogether(spool, intake)).toMatchObject({ taken: 3 });
      expect(taken).toEqual([1, 2, 3]);
    });

    test('a registration that must wait holds its user up, as one after the other', async () => {
      const spool = spoolWith(
        '{"event":"ApplePushService","apsAccountId":"x","user":"alice"}',
        '{"n":2,"user":"alice"}',
        '{"n":3,"user":"bob"}',
      );
      const taken: unknown[] = [];
      const intake = needing(recordingIntake(taken));
      expect(await drainTogether(spool, intake)).toMatchObject({ taken: 1, trouble: unreadable });
      expect(taken).toEqual([3]);
      expect(count(spool)).toMatchObject({ new: 2, cur: 0 });
    });

    test('where the database is locked each is put back, and no more are claimed', async () => {
      const spool = spoolWith(...Array.from({ length: 8 }, (_, n) => `{"n":${n}}`));
      let asked = 0;
      const intake: Intake = () => {
        asked += 1;
        return Promise.reject(BUSY);
      };
      await expect(drainTogether(spool, intake)).rejects.toBe(BUSY);
      expect(asked).toBeLessThanOrEqual(3);
      expect(count(spool)).toMatchObject({ new: 8, cur: 0 });
    });
  });

  test('where there is no spool nothing is taken', async () => {
    expect(await drain(join(temporaryFolder(), 'none'), recordingIntake([]))).toEqual({
      taken: 0,
      bad: 0,
      stuck: false,
    });
  });
});
