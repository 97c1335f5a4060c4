import { expect, test } from 'vitest';
import { mailboxHash } from '../../src/mailboxes/mailbox-hash.ts';

// What md5sum(1) says.
test.each([
  ['INBOX', '7e33429f656f1e6e9d79b29c3f82c57e'],
  ['inbox', 'af1cd994dfcb9286c394d142687ff5a0'],
  ['Entwürfe', '6935862f74f620598b6b2549c202aafa'],
])('the hash of %s is %s', (name, want) => {
  expect(mailboxHash(name)).toBe(want);
});
