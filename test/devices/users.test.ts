import { expect, test } from 'vitest';
import { usersCommand } from '../../src/devices/users.ts';
import { tokenNumber } from '../support/events.ts';
import { registered, testStore } from '../support/store.ts';
import { configFor } from '../targets/setup.ts';

test('users whose names begin so, each once, and none that a shell would take for something else', async () => {
  const store = testStore();
  const users = ['alice', 'alice', 'alina@example.org', 'al ice', 'al$(id)', "al'x", 'al:x', 'bob', 'Älva'];
  for (const [n, user] of users.entries()) await registered(store, { user, deviceToken: tokenNumber(n) });
  const config = configFor(store.file);
  expect(await usersCommand(config, 'AL')).toBe('alice\nalina@example.org\n');
  expect(await usersCommand(config, 'Ä')).toBe('Älva\n');
  expect(await usersCommand(config, 'al*')).toBe('');
  expect(await usersCommand(config, '')).toBe('alice\nalina@example.org\nbob\nÄlva\n');
});
