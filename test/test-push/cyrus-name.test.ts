import { expect, test } from 'vitest';
import { meantBy } from '../../src/test-push/cyrus-name.ts';

test.each([
  ['user.alice', { user: 'alice', mailbox: undefined }],
  ['user/alice', { user: 'alice', mailbox: undefined }],
  ['user.alice.Archive.2026', { user: 'alice', mailbox: 'Archive/2026' }],
  ['user/alice/Archive', { user: 'alice', mailbox: 'Archive' }],
  ['user.alice^smith', { user: 'alice.smith', mailbox: undefined }],
  ['user/alice.smith@example.org', { user: 'alice.smith@example.org', mailbox: undefined }],
  ['alice', undefined],
  ['user', undefined],
  ['user.', undefined],
  ['user..x', undefined],
  ['superuser.alice', undefined],
])('%s', (name, meant) => {
  expect(meantBy(name)).toEqual(meant);
});
