import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Notice } from '../../src/services/service.ts';
import { plaintextOf } from '../../src/services/webpush/message.ts';

interface PushEvent {
  data: { json(): unknown };
  waitUntil(shown: unknown): void;
}

/** What the service worker of the example shows for a notice, by what a browser hands to it. */
function shownFor(notice: Notice): unknown {
  const shown: unknown[] = [];
  const handlers = new Map<string, (event: PushEvent) => void>();
  const self = {
    addEventListener: (name: string, handler: (event: PushEvent) => void) => handlers.set(name, handler),
    registration: { showNotification: (title: string, more: object) => shown.push({ title, ...more }) },
  };
  runInNewContext(readFileSync('examples/webmail/service-worker.js', 'utf8'), { self });
  const json = (): unknown => JSON.parse(plaintextOf(notice).toString());
  handlers.get('push')?.({ data: { json }, waitUntil: () => undefined });
  return shown;
}

test.each([
  ['MessageNew', 'Archiv/2026', { body: 'New mail in Archiv/2026.', tag: 'Archiv/2026' }],
  ['MessageNew', 'x'.repeat(4000), { body: 'New mail in your mailbox.', tag: 'mail' }],
  ['MessageRead', 'INBOX', { body: 'Something changed in your mail.', tag: 'INBOX' }],
  ['validation', 'INBOX', { body: 'You will be told of new mail here.', tag: 'mail' }],
  ['test', 'INBOX', { body: 'A test push.', tag: 'INBOX' }],
] as const)('the service worker of the example shows %s', (event, mailbox, want) => {
  expect(shownFor({ id: 'an-id', event, mailbox, eventMs: 0 })).toEqual([{ title: 'Mail', ...want }]);
});
