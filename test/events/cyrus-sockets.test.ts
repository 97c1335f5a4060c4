import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../src/events/parse.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';

/** Of 3.6.1 and of 3.10.2. */
const FOLDERS = ['cyrus', 'cyrus310'].map((name) => new URL(`../fixtures/${name}/`, import.meta.url));

/** The event inside a captured dlist connection or datagram; undefined where it is no JSON. */
function eventIn(file: URL): unknown {
  const bytes = readFileSync(file);
  const message = file.pathname.includes('/dlist-') ? dlistMessage(bytes) : bytes.toString().split('\0')[6]!;
  return message.startsWith('{') ? (JSON.parse(message) as unknown) : undefined;
}

function dlistMessage(bytes: Buffer): string {
  const [literal, length] = /MESSAGE \{(\d+)\+\}\r\n/.exec(bytes.toString('latin1'))!;
  const start = bytes.indexOf(literal) + literal.length;
  return bytes.subarray(start, start + Number(length)).toString();
}

describe('captured socket traffic', () => {
  const archive = { owner: 'alice', path: 'ärger' };
  const inbox = { owner: 'alice', path: 'INBOX' };

  it.each([
    ['ApplePushService', { kind: 'registration', user: 'alice', mailboxes: ['INBOX', '&AOQ-rger'] }],
    ['MailboxCreate', { kind: 'ignored', name: 'MailboxCreate' }],
    ['MailboxModseq', { kind: 'ignored', name: 'MailboxModseq' }],
    ['MailboxModseq-nonascii', { kind: 'ignored', name: 'MailboxModseq' }],
    ['MessageAppend-nonascii', { kind: 'change', name: 'MessageAppend', mailboxes: [archive] }],
    ['MessageMove', { kind: 'change', name: 'MessageMove', mailboxes: [archive, inbox] }],
    ['MessageNew', { kind: 'change', name: 'MessageNew', mailboxes: [inbox] }],
    [
      'MessageNew-large',
      { kind: 'change', name: 'MessageNew', mailboxes: [{ owner: 'bob', path: 'INBOX' }] },
    ],
    ['MessageNew-large-520', { kind: 'change', name: 'MessageNew', mailboxes: [inbox] }],
    ['MessageNew-large-5000', { kind: 'change', name: 'MessageNew', mailboxes: [inbox] }],
    ['MessageRead', { kind: 'change', name: 'MessageRead', mailboxes: [inbox] }],
    ['class-MAIL', { kind: 'bad' }],
    ['class-SIEVE', { kind: 'bad' }],
  ])('%s', (name, event) => {
    const files = FOLDERS.flatMap((folder) =>
      readdirSync(folder)
        .filter((file) => /^(?:dlist|dgram)-(.*)\.bin$/.exec(file)?.[1] === name)
        .map((file) => new URL(file, folder)),
    );
    expect(files).not.toEqual([]);
    for (const file of files) {
      expect(parseEvent(eventIn(file), () => DEFAULT_NAMESPACE)).toMatchObject([event]);
    }
  });
});
