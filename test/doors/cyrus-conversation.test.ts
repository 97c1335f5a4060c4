import { describe, expect, test } from 'vitest';
import { MAX_EVENT_BYTES } from '../../src/events/read.ts';
import { eventually } from '../support/command.ts';
import {
  CAPTURES,
  captured,
  client,
  everything,
  held,
  line,
  notify,
  PATIENT,
  said,
  TAKEN,
  testDoor,
} from '../support/cyrus-door.ts';

describe('a command', () => {
  test.each(CAPTURES.filter((name) => !name.includes('class')))(
    '%s is received byte for byte',
    async (name) => {
      const { path, events, log } = await testDoor();
      expect(await said(path, captured(name))).toBe('OK NIL\r\n');
      const bytes = captured(name);
      const start = bytes.indexOf('+}\r\n') + 4;
      expect(events).toEqual([bytes.subarray(start, bytes.indexOf(' FILEPATH NIL)\r\n')).toString()]);
      expect(log.entries).toEqual([]);
    },
  );

  test('says which door it came by', async () => {
    const doors: string[] = [];
    const { path } = await testDoor({
      receive: (_raw, door) => {
        doors.push(door);
        return Promise.resolve(TAKEN);
      },
    });
    await said(path, notify('{}'));
    expect(doors).toEqual(['cyrus']);
  });

  test('is answered once the event is safe, not before', async () => {
    const { receive, letGo } = held();
    const { path, events } = await testDoor({ receive });
    const socket = await client(path);
    socket.write(notify('{}'));
    await eventually(
      () => events,
      ({ length }) => length === 1,
    );
    expect(socket.read()).toBeNull();
    letGo();
    expect(await line(socket)).toBe('OK NIL\r\n');
  });

  test('may come in pieces, and the client may end its side behind it', async () => {
    const { path, events } = await testDoor();
    const bytes = notify('{"a":1}');
    const socket = await client(path);
    const answer = everything(socket);
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end();
    expect(await answer).toBe('OK NIL\r\n');
    expect(events).toEqual(['{"a":1}']);
  });

  test('several on one connection are answered in their order', async () => {
    const { path, events } = await testDoor();
    const sent = [
      notify('1'),
      notify('2', { className: 'MAIL' }),
      notify('3', { method: 'log' }),
      notify('4'),
    ];
    expect(await said(path, Buffer.concat(sent))).toMatch(/^OK NIL\r\nOK NIL\r\nNO "[^"]+"\r\nOK NIL\r\n$/);
    expect(events).toEqual(['1', '4']);
  });

  test('one by one on one connection', async () => {
    const { path, events } = await testDoor();
    const socket = await client(path);
    for (const n of [1, 2, 3]) {
      socket.write(notify(String(n)));
      expect(await line(socket)).toBe('OK NIL\r\n');
    }
    expect(events).toEqual(['1', '2', '3']);
  });

  test('may have a synchronising literal, which is asked for', async () => {
    const { path, events } = await testDoor();
    const socket = await client(path);
    socket.write('NOTIFY %(METHOD external CLASS EVENT MESSAGE {2}\r\n');
    expect(await line(socket)).toBe('+ go ahead\r\n');
    socket.write('{} FILEPATH NIL)\r\n');
    expect(await line(socket)).toBe('OK NIL\r\n');
    expect(events).toEqual(['{}']);
  });

  test('may be as large as an event', async () => {
    const { path, events } = await testDoor();
    expect(await said(path, notify('x'.repeat(MAX_EVENT_BYTES)))).toBe('OK NIL\r\n');
    expect(events.map(({ length }) => length)).toEqual([MAX_EVENT_BYTES]);
  });
});

describe('hostile clients', () => {
  const hostile: [string, string | Buffer, RegExp][] = [
    ['another protocol', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', /byte 0x20 where/],
    ['TLS', Buffer.from('160301020001', 'hex'), /byte 0x16 where/],
    ['bytes', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), /byte 0x00 where/],
    ['a megabyte of nothing', 'x'.repeat(1_000_000), /more than \d+ bytes/],
    [
      'a literal beyond all bounds',
      'NOTIFY %(MESSAGE {9999999999999+}\r\n',
      /literals of more than 1048576 bytes/,
    ],
    ['a literal just too long', `NOTIFY %(MESSAGE {${MAX_EVENT_BYTES + 1}+}\r\n`, /literals of more than/],
    ['a literal of no length', 'NOTIFY %(MESSAGE {+}\r\n', /byte 0x2b where the length/],
    [
      'a literal that takes the space behind it',
      'NOTIFY %(METHOD {9+}\r\nexternal CLASS EVENT MESSAGE x)\r\n',
      /byte 0x43 where/,
    ],
    [
      'a literal that is longer than it says',
      'NOTIFY %(METHOD {2+}\r\nexternal CLASS EVENT MESSAGE x)\r\n',
      /byte 0x74 where/,
    ],
    ['lists without end', `NOTIFY ${'('.repeat(1000)}`, /lists in each other/],
    ['keys without end', `NOTIFY ${'%(A '.repeat(1000)}`, /lists in each other/],
    ['another command', 'APPLY MAILBOX\r\n', /other than NOTIFY/],
    ['an event without message', 'NOTIFY %(METHOD external CLASS EVENT)\r\n', /without MESSAGE/],
  ];
  test.each(hostile)('say %s: the answer is BAD and the end', async (_what, bytes, why) => {
    const { path, events, log } = await testDoor();
    const socket = await client(path);
    const answer = everything(socket);
    socket.write(bytes);
    expect(await answer).toMatch(/^BAD "[^"\r\n]+"\r\n$/);
    expect(events).toEqual([]);
    expect(log.entries).toHaveLength(1);
    expect(log.entries[0]).toMatchObject({
      level: 'warn',
      fields: { reason: expect.stringMatching(why) as string },
    });
    expect(await said(path, notify('{}'))).toBe('OK NIL\r\n');
  });

  test('what came before the broken command is answered, what comes after it is not read', async () => {
    const { path, events } = await testDoor();
    expect(await said(path, Buffer.concat([notify('1'), Buffer.from(')\r\n'), notify('2')]))).toMatch(
      /^OK NIL\r\nBAD "[^"]+"\r\n$/,
    );
    expect(events).toEqual(['1']);
  });

  test('who leaves in the middle of a command is told of in the log', async () => {
    const { path, events, log } = await testDoor();
    expect(await said(path, notify('{}').subarray(0, 100))).toBe('');
    expect(events).toEqual([]);
    expect(log.messages('warn')).toEqual(['a client of the Cyrus socket left in the middle of a command']);
  });

  test('who leaves without waiting for the answer does no harm', async () => {
    const { receive, letGo } = held();
    const { path, events, log } = await testDoor({ receive });
    const socket = await client(path);
    socket.write(notify('1'));
    await eventually(
      () => events,
      ({ length }) => length === 1,
    );
    socket.destroy();
    letGo();
    expect(await said(path, notify('2'))).toBe('OK NIL\r\n');
    expect(events).toEqual(['1', '2']);
    expect(log.messages('warn')).toEqual([]);
    expect(log.messages('error')).toEqual([]);
  });

  test('who says nothing, or one byte at a time, is cut off; bytes buy no time', async () => {
    const { path, log } = await testDoor({ limits: { ...PATIENT, commandTimeoutMs: 100 } });
    const silent = await client(path);
    const slow = await client(path);
    const asked = await client(path);
    const timer = setInterval(() => {
      slow.write('N');
      asked.write(asked.bytesWritten === 0 ? 'NOTIFY ({0}\r\n' : ' {0}\r\n');
    }, 10);
    await Promise.all([everything(silent), everything(slow), everything(asked)]);
    clearInterval(timer);
    const reasons = log.entries.filter(({ level }) => level === 'warn').map(({ fields }) => fields['reason']);
    expect(reasons).toEqual(Array.from({ length: 3 }, () => 'no complete command in time'));
  });

  test('who never reads the answers is cut off, and what it said is not lost', async () => {
    const { path, events, log } = await testDoor({ limits: { ...PATIENT, commandTimeoutMs: 300 } });
    const socket = await client(path);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const many = Buffer.concat(Array.from({ length: 1000 }, () => notify('1')));
    const flood = (): void => {
      while (!socket.destroyed && socket.write(many));
    };
    socket.on('drain', flood);
    flood();
    await closed;
    const warnings = await eventually(
      () => log.messages('warn'),
      ({ length }) => length > 0,
    );
    expect(warnings).toEqual(['cut off a client of the Cyrus socket']);
    expect(events.length).toBeGreaterThan(0);
  });

  test('who waits for its answer is not cut off', async () => {
    const { receive, letGo } = held();
    const { path, events } = await testDoor({ receive, limits: { ...PATIENT, commandTimeoutMs: 50 } });
    const socket = await client(path);
    socket.write(notify('{}'));
    await eventually(
      () => events,
      ({ length }) => length === 1,
    );
    await everything(await client(path)); // one that says nothing is cut off in the meantime
    letGo();
    expect(await line(socket)).toBe('OK NIL\r\n');
  });

  test('others are served while one is slow', async () => {
    const { path, events } = await testDoor();
    const slow = await client(path);
    const command = notify('slow');
    slow.write(command.subarray(0, 90));
    for (const n of [1, 2, 3]) expect(await said(path, notify(String(n)))).toBe('OK NIL\r\n');
    slow.write(command.subarray(90));
    expect(await line(slow)).toBe('OK NIL\r\n');
    expect(events).toEqual(['1', '2', '3', 'slow']);
  });
});
