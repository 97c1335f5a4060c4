import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/command.ts';
import { client, everything, held, line, notify, PATIENT, said, testDoor } from '../support/cyrus-door.ts';

describe('many clients', () => {
  test('1,000 at once, idle or in the middle of a command: the next one is served', async () => {
    const { path, log } = await testDoor();
    const crowd = await Promise.all(Array.from({ length: 1000 }, () => client(path)));
    for (const socket of crowd.slice(500)) socket.write(notify('{}').subarray(0, 60));
    expect(await said(path, notify('{}'))).toBe('OK NIL\r\n');
    expect(log.entries.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        message: 'cut off a client of the Cyrus socket',
        fields: { reason: 'too many clients at once' },
      },
    ]);
  });

  test('1,000 with an event each, all at once', async () => {
    const { path, events } = await testDoor();
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => said(path, notify(String(n)))));
    expect(new Set(answers)).toEqual(new Set(['OK NIL\r\n']));
    expect(new Set(events).size).toBe(1000);
  });

  test('one too many: the one that has waited longest since its last answer goes', async () => {
    const { path, log } = await testDoor({ limits: { ...PATIENT, connections: 3 } });
    const [first, second, third] = [await client(path), await client(path), await client(path)];
    first.write(notify('{}'));
    expect(await line(first)).toBe('OK NIL\r\n');
    const gone = everything(second);
    const fourth = await client(path);
    expect(await gone).toBe('');
    for (const socket of [first, third, fourth]) {
      socket.write(notify('{}'));
      expect(await line(socket)).toBe('OK NIL\r\n');
    }
    expect(log.messages('warn')).toHaveLength(1);
  });

  test('those whose event is being made safe stay, and the newcomer goes', async () => {
    const { receive, letGo } = held();
    const { path, events } = await testDoor({ receive, limits: { ...PATIENT, connections: 2 } });
    const busy = [await client(path), await client(path)];
    for (const socket of busy) socket.write(notify('{}'));
    await eventually(
      () => events,
      ({ length }) => length === 2,
    );
    expect(await everything(await client(path))).toBe('');
    letGo();
    for (const socket of busy) expect(await line(socket)).toBe('OK NIL\r\n');
  });

  test('too much memory: the oldest that holds some goes, and idle ones stay', async () => {
    const { path, log } = await testDoor({ limits: { ...PATIENT, heldBytes: 500_000 } });
    const idle = await client(path);
    const big = [await client(path), await client(path), await client(path)];
    const ends = big.map((socket) => everything(socket));
    for (const socket of big) {
      socket.write('NOTIFY %(MESSAGE {200000+}\r\n');
      expect(await said(path, notify('{}'))).toBe('OK NIL\r\n');
    }
    expect(await ends[0]).toBe('');
    expect(log.entries.map(({ fields }) => fields['reason'])).toEqual([
      'too much memory held by incomplete commands',
    ]);
    idle.write(notify('{}'));
    expect(await line(idle)).toBe('OK NIL\r\n');
    expect(big.map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
  });
});

describe('closing', () => {
  test('waits for events that are being made safe, and for their answers', async () => {
    const { receive, letGo } = held();
    const { path, events, close } = await testDoor({ receive });
    const answer = said(path, notify('1'), notify('2'));
    await eventually(
      () => events,
      ({ length }) => length > 0,
    );
    let isClosed = false;
    const closed = close().then(() => (isClosed = true));
    expect(isClosed).toBe(false);
    letGo();
    expect(await answer).toBe('OK NIL\r\nOK NIL\r\n');
    await closed;
    expect(statSync(path).isSocket()).toBe(true); // the next process takes its place
    await expect(client(path)).rejects.toThrow(/ECONNREFUSED/);
  });

  test('lets a command that has begun come to its end', async () => {
    const { path, events, close } = await testDoor();
    const command = notify('late');
    const socket = await client(path);
    socket.write(command.subarray(0, 50));
    await said(path, notify('{}')); // the door has heard the half by now
    const closed = close();
    socket.write(command.subarray(50));
    expect(await everything(socket)).toBe('OK NIL\r\n');
    await closed;
    expect(events).toEqual(['{}', 'late']);
  });

  test('takes those who were connected before it, though nobody has accepted them yet', async () => {
    const { path, events, close } = await testDoor();
    const sockets = Array.from({ length: 100 }, () => connect(path));
    const answers = sockets.map((socket, n) => {
      socket.write(notify(String(n)));
      return text(socket);
    });
    await close();
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['OK NIL\r\n']));
    expect(events).toHaveLength(100);
  });

  test('does not wait for idle clients that have had an answer', async () => {
    const { path, close } = await testDoor();
    const socket = await client(path);
    socket.write(notify('{}'));
    await line(socket);
    await close();
    expect(await everything(socket)).toBe('');
  });

  test('gives those who say nothing a short time only', async () => {
    const { path, log, close } = await testDoor({ limits: { ...PATIENT, closingTimeoutMs: 20 } });
    const ends = Promise.all([everything(await client(path)), everything(await client(path))]);
    await close();
    await close();
    expect(await ends).toEqual(['', '']);
    expect(log.messages('warn')).toHaveLength(2);
  });
});
