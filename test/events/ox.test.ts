import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseOxEvent } from '../../src/events/ox.ts';

const delivery = { user: 'alice', event: 'messageNew', folder: 'INBOX', 'imap-uid': 2, unseen: 2 };

describe('a delivery told by the OX driver', () => {
  function good(value: Record<string, unknown>, owner: string, path: string): void {
    const mailboxes = [{ owner, path }];
    expect(parseOxEvent(value)).toEqual({ kind: 'change', source: 'dovecot', name: 'MessageNew', mailboxes });
  }

  function bad(value: Record<string, unknown>, reason: string): void {
    expect(parseOxEvent(value)).toEqual({ kind: 'bad', reason });
  }

  it('is a new message in the folder of the user', () => {
    good(delivery, 'alice', 'INBOX');
    good({ ...delivery, folder: 'inbox' }, 'alice', 'INBOX');
    good({ ...delivery, user: 'ox-alice@ctx1', folder: 'Entwürfe' }, 'ox-alice@ctx1', 'Entwürfe');
  });

  it('needs nothing of the message', () => {
    good({ ...delivery, subject: 7, from: null, snippet: [] }, 'alice', 'INBOX');
  });

  it.each(['MessageNew', 'messageread', 'MESSAGENEW', '', 'constructor'])('is not %j', (event) => {
    const reason = 'not an event that Mail is told of';
    expect(parseOxEvent({ event, folder: 1 })).toEqual({ kind: 'ignored', name: event, reason });
  });

  it('needs a user and a folder', () => {
    bad({ ...delivery, event: undefined }, 'event is missing: expected a string');
    bad({ ...delivery, event: {} }, 'event: expected a string, got an object');
    bad({ ...delivery, user: undefined }, 'user is missing: expected a string');
    bad({ ...delivery, user: '' }, 'user: expected a name, got empty text');
    bad({ ...delivery, folder: 7 }, 'folder: expected a string, got a number');
    bad({ ...delivery, folder: '' }, 'folder: expected a name, got empty text');
    const unstorable = 'expected text without NUL characters and halves of surrogate pairs';
    bad({ ...delivery, user: 'a\0' }, `user: ${unstorable}`);
    bad({ ...delivery, folder: '\ud83d' }, `folder: ${unstorable}`);
  });
});

it('gives a result for anything', () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), (user, folder) => {
      expect(parseOxEvent({ ...delivery, user, folder }).kind).toMatch(/^(?:bad|change)$/);
    }),
  );
});
