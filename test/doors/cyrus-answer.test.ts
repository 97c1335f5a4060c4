import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { SLOW_MS } from '../../src/doors/cyrus-answer.ts';
import type { Receive } from '../../src/doors/receive.ts';
import { captured, notify, said, TAKEN, testDoor } from '../support/cyrus-door.ts';

describe('the answer', () => {
  test('is OK for an event that is of no use', async () => {
    const { path, log } = await testDoor({ receive: () => Promise.resolve({ ...TAKEN, bad: 'not JSON' }) });
    expect(await said(path, notify('{'))).toBe('OK NIL\r\n');
    expect(log.entries).toEqual([
      { level: 'warn', message: 'Cyrus sent an event that cannot be taken', fields: { reason: 'not JSON' } },
    ]);
  });

  test.each<[string, Receive]>([
    ['rejects', () => Promise.reject(new Error('disk full'))],
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
  ])('is NO where receive() %s, and the connection goes on', async (_how, receive) => {
    const { path, log } = await testDoor({ receive });
    expect(await said(path, notify('{}'), notify('{}'))).toBe('NO NIL\r\nNO NIL\r\n');
    expect(log.entries.map(({ level, fields }) => [level, fields])).toEqual([
      ['error', { reason: 'disk full' }],
      ['error', { reason: 'disk full' }],
    ]);
  });

  test('is OK for a class without events, which only debugging tells', async () => {
    const { path, events, log } = await testDoor();
    expect(await said(path, captured('dlist-class-MAIL.bin'))).toBe('OK NIL\r\n');
    expect(events).toEqual([]);
    expect(log.entries).toEqual([
      { level: 'debug', message: 'ignored', fields: { event: 'notification of class MAIL' } },
    ]);
  });

  test('is NO for the mailto of a Sieve script, and the log says what to do', async () => {
    const { path, events, log } = await testDoor();
    expect(await said(path, captured('dlist-class-SIEVE.bin'))).toMatch(/^NO "[^"\r\n]+"\r\n$/);
    expect(events).toEqual([]);
    expect(log.messages('warn')).toEqual(['refused a notification from Cyrus']);
    expect(log.entries[0]?.fields).toMatchObject({ method: 'mailto', class: 'SIEVE' });
    expect(log.entries[0]?.fields['hint']).toContain('notifyd');
    expect(JSON.stringify(log.entries)).not.toContain('alice');
  });

  test('is late where receive() is, and the log says so', async () => {
    const { path, log } = await testDoor({
      receive: async () => {
        await sleep(SLOW_MS + 20);
        return TAKEN;
      },
    });
    expect(await said(path, notify('{}'))).toBe('OK NIL\r\n');
    expect(log.messages('warn')).toEqual(['Cyrus waited for an event to be safe, with the mailbox locked']);
  });
});
