import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { deltaChatDefault, deviceChanges } from '../../src/doors/dict-deltachat.ts';

const KEY = 'priv/aa892408e7830c6b2c72000083ecc375/devicetoken';
const set = (value: string | undefined, key = KEY) => ({
  key,
  value: value === undefined ? undefined : Buffer.from(value),
});
const longest = `openpgp:${'A'.repeat(4088)}`;

test.each(['openpgp:AAAA', 'openpgp:ab+/Z9==', longest])('the token %.20s adds a device', (address) => {
  const fingerprint = createHash('sha256').update(address).digest('hex');
  expect(deviceChanges([set(address)])).toEqual([
    { kind: 'add', endpoint: { service: 'deltachat', address, fingerprint } },
  ]);
});

test.each([
  ['nothing', ''],
  ['one that is not encrypted', 'fcm-chat.delta:abcdef'],
  ['no base64', 'openpgp:a b'],
  ['two lines', 'openpgp:AAAA\nopenpgp:BBBB'],
  ['an empty one', 'openpgp:'],
  ['one that is too long', `${longest}A`],
])('%s adds none', (_, value) => {
  expect(deviceChanges([set(value)])).toEqual([]);
});

test('NIL removes all, and of one transaction the last word counts', () => {
  expect(deviceChanges([set(undefined)])).toEqual([{ kind: 'remove all' }]);
  expect(deviceChanges([set('openpgp:AAAA'), set(undefined)])).toEqual([{ kind: 'remove all' }]);
  expect(deviceChanges([set(undefined), set('openpgp:AAAA')])).toMatchObject([{ kind: 'add' }]);
});

test.each([
  'shared/g/devicetoken',
  'priv/g/vendor/vendor.dovecot/pvt/server/devicetoken',
  'priv/g/devicetoken/x',
  'priv/g/devicetokens',
])('the entry %s is no token', (key) => {
  expect(deviceChanges([set('openpgp:AAAA', key), set(undefined, key)])).toEqual([]);
});

const SERVER = 'vendor/vendor.dovecot/pvt/server/vendor/deltachat/maxsmtprecipients';

test('the server’s entry by which apps know that they can register has a value, of whatever INBOX', () => {
  expect(deltaChatDefault(`shared/f81970141c880c6b9070000083ecc375/${SERVER}`)?.toString()).toBe('50');
  for (const key of [
    `priv/g/${SERVER}`,
    `shared/g/${SERVER}/x`,
    'shared/g/vendor/deltachat/maxsmtprecipients',
  ])
    expect(deltaChatDefault(key)).toBeUndefined();
});
