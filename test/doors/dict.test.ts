import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ANSWER_TIMEOUT_MS, REFUSAL_PAUSE_MS } from '../../src/doors/dict-answer.ts';
import { type Clock, systemClock } from '../../src/process/clock.ts';
import { eventually } from '../support/command.ts';
import { client, everything, line, said } from '../support/cyrus-door.ts';
import { memoryKeeper, testDictDoor } from '../support/dict-door.ts';
import { CAPTURES, conversations } from '../support/dict-wire.ts';

/** Fifty times as fast, with what was waited for. */
function hastyClock(): Clock & { sleeps: number[] } {
  const sleeps: number[] = [];
  const sleep: Clock['sleep'] = (ms, signal) => {
    sleeps.push(ms);
    return systemClock.sleep(ms / 50, signal);
  };
  return { ...systemClock, sleep, sleeps };
}

const HELLO = 'H3\t2\t0\t\tmetadata\n';
const SET = 'B1\talice\nS1\tpriv/g/a\tx\n';

describe('what a real Dovecot says', () => {
  /** The answers of the dict servers of then: what they were asked had not been set by anybody. */
  const ALREADY: Record<string, [string, string][]> = {
    'dovecot24-dict-wire.txt': [
      [
        'alice@mail.test shared/f81970141c880c6b9070000083ecc375/vendor/vendor.dovecot/pvt/server/vendor/deltachat/maxsmtprecipients',
        '1000',
      ],
    ],
    'dovecot-shared-wire.txt': [
      ['bob shared/959f561dec8f0e6b3b53000083ecc375/comment', 'hello'],
      ['alice priv/959f561dec8f0e6b3b53000083ecc375/devicetoken', 'openpgp:AAAA'],
    ],
  };

  test.each(CAPTURES)('is answered as it was: %s', async (name) => {
    const keeper = memoryKeeper();
    const { path, log } = await testDictDoor({ keeper });
    for (const [key, value] of ALREADY[name] ?? []) keeper.entries.set(key, value);
    for (const conversation of conversations(name)) {
      const socket = await client(path);
      let heard = '';
      socket.on('data', (bytes) => (heard += bytes.toString('latin1')));
      let wanted = '';
      for (const { by, bytes } of conversation)
        if (by === 'client') socket.write(bytes);
        else {
          wanted += bytes.toString('latin1');
          await eventually(
            () => heard,
            (text) => text === wanted,
          );
        }
      const end = everything(socket);
      socket.end();
      await end;
    }
    expect(log.entries).toEqual([]);
  });
});

describe('transactions', () => {
  test('several at once: what is committed is there, what is rolled back or left is not', async () => {
    const keeper = memoryKeeper();
    const { path } = await testDictDoor({ keeper });
    const answers = await said(
      path,
      `${HELLO}B1\talice\nB2\tbob\nB3\talice\nS1\tpriv/g/a\t1\nS2\tpriv/g/a\t2\nS3\tpriv/g/a\t3\n`,
      'C2\nR3\nC1\nB4\talice\nS4\tpriv/g/a\t4\n',
    );
    expect(answers).toBe('O2\nO1\n');
    expect([...keeper.entries]).toEqual([
      ['bob priv/g/a', '2'],
      ['alice priv/g/a', '1'],
    ]);
  });

  test('a client of old names its user once', async () => {
    const keeper = memoryKeeper();
    const { path } = await testDictDoor({ keeper });
    expect(await said(path, 'H2\t0\t0\tcarol\tmetadata\nB1\nS1\tpriv/g/a\tx\nD1\nLpriv/g/a\n')).toBe(
      'AO1\nOx\n',
    );
    expect([...keeper.entries.keys()]).toEqual(['carol priv/g/a']);
  });

  test.each([
    [
      'too long a value',
      `S1\tpriv/g/b\t${'x'.repeat(5000)}\n`,
      'a value has 5000 bytes, 4096 at most are kept',
    ],
    ['a line without end', `S1\tpriv/g/b\t${'x'.repeat(300_000)}\n`, 'a line that is too long'],
    ['a number to add', 'A1\tpriv/g/n\t1\n', 'an entry of METADATA is no number to be added to'],
  ])('with %s: nothing of it is kept, and the client is told after a while', async (_, what, why) => {
    const [keeper, clock] = [memoryKeeper(), hastyClock()];
    const { path } = await testDictDoor({ keeper, clock });
    expect(await said(path, `${HELLO}${SET}${what}C1\n`)).toBe(`F1\t${why}\n`);
    expect(clock.sleeps).toContain(REFUSAL_PAUSE_MS);
    expect(keeper.entries.size).toBe(0);
  });
});

describe('a keeper that', () => {
  test('refuses is heard: the client is told after a while, and goes on', async () => {
    const clock = hastyClock();
    const { path } = await testDictDoor({ clock });
    const answers = await said(path, 'B1\tfull\nS1\tpriv/g/a\tx\nC1\nLpriv/g/a\talice\n');
    expect(answers).toBe('F1\ta user has 64 entries at most\nN\n');
    expect(clock.sleeps).toContain(REFUSAL_PAUSE_MS);
  });

  test('fails is no reason to wait', async () => {
    const fails = (): Promise<never> => Promise.reject(new Error('no store'));
    const { path } = await testDictDoor({ keeper: { value: fails, under: fails, commit: fails } });
    const startMs = performance.now();
    expect(await said(path, `${HELLO}Lpriv/g/a\talice\nI9\t0\tpriv/g/\talice\n${SET}C1\n`)).toBe(
      'Fno store\nFno store\nF1\tno store\n',
    );
    expect(performance.now() - startMs).toBeLessThan(1000);
  });

  test('does not answer: nobody knows whether it is kept, and Dovecot hears so before it complains', async () => {
    const clock = hastyClock();
    const hangs = (): Promise<never> => new Promise(() => undefined);
    const { path } = await testDictDoor({ clock, keeper: { value: hangs, under: hangs, commit: hangs } });
    expect(await said(path, `${HELLO}${SET}C1\nLpriv/g/a\talice\n`)).toBe(
      'W1\tthe database does not answer\nFthe database does not answer\n',
    );
    expect(clock.sleeps.filter((ms) => ms === ANSWER_TIMEOUT_MS)).toHaveLength(2);
  });
});

describe('a client', () => {
  test.each([
    ['with an unknown command', 'Xwhat\n', 'the command "X"'],
    ['that commits what has not begun', 'C9\n', 'a transaction that has not begun'],
    ['that rolls back what has not begun', 'R9\n', 'a transaction that has not begun'],
    ['that begins twice', 'B1\talice\nB1\talice\n', 'a transaction that has begun already'],
  ])('%s is cut off, lest an answer be taken for another', async (_, what, reason) => {
    const { path, log } = await testDictDoor();
    expect(await said(path, `Lpriv/g/a\talice\n${what}Lpriv/g/a\talice\n`)).toBe('N\n');
    expect(log.entries).toEqual([
      { level: 'warn', message: 'cut off a client of the dict socket', fields: { reason } },
    ]);
  });

  test('too many of them: one that rests makes room, and the next one is served', async () => {
    const { path, log } = await testDictDoor({ limits: { sessions: 200 } });
    const begun = await client(path);
    begun.write('B1\talice\nLpriv/g/a\talice\n');
    expect(await line(begun)).toBe('N\n');
    const crowd = await Promise.all(Array.from({ length: 199 }, () => client(path)));
    expect(await said(path, `${HELLO}${SET}C1\n`)).toBe('O1\n');
    await eventually(
      () => crowd.filter(({ destroyed, readableEnded }) => destroyed || readableEnded).length,
      (gone) => gone > 0,
    );
    expect(log.messages('warn')).toEqual(['cut off a client of the dict socket']);
    begun.write('S1\tpriv/g/a\tx\nC1\n');
    expect(await line(begun)).toBe('O1\n');
  });

  test('1,000 at once are all answered, each what it asks', async () => {
    const { path } = await testDictDoor();
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, n) =>
        said(path, `${HELLO}B1\tu${n}\nS1\tpriv/g/a\tx${n}\nC1\nLpriv/g/a\tu${n}\n`),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 1000 }, (_, n) => `O1\nOx${n}\n`));
  });
});

describe('the socket', () => {
  test('is for the owner and the group', async () => {
    const { path } = await testDictDoor();
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  test('closes when what has begun is at an end, and leaves whoever rests', async () => {
    const keeper = memoryKeeper();
    const { path, close } = await testDictDoor({ keeper });
    const [begun, resting] = [await client(path), await client(path)];
    resting.write('Lpriv/g/a\talice\n');
    expect(await line(resting)).toBe('N\n');
    begun.write(`${HELLO}${SET}Lpriv/g/a\talice\n`);
    expect(await line(begun)).toBe('N\n');
    const gone = everything(resting);
    const closed = close();
    expect(await gone).toBe('');
    begun.write('C1\n');
    expect(await line(begun)).toBe('O1\n');
    await closed;
    expect([...keeper.entries]).toEqual([['alice priv/g/a', 'x']]);
  });

  test('does not wait long for one that never commits', async () => {
    const { path, close } = await testDictDoor({ limits: { closingTimeoutMs: 50 } });
    const begun = await client(path);
    begun.write(`${SET}Lpriv/g/a\talice\n`);
    expect(await line(begun)).toBe('N\n');
    const end = everything(begun);
    await close();
    expect(await end).toBe('');
  });
});
