import { expect, test } from 'vitest';
import { judgePlaces } from '../../src/check/temporary.ts';

test('what lies in a temporary folder is named once, by its keys', () => {
  const points = judgePlaces({
    ...{ store: '/tmp/x/x.db', spool: '/var/spool/xapplepush', 'apns.key': '/var/tmp/key.pem' },
    ...{ 'apns.certificate': undefined, control: '/tmpfs/x.sock' },
  });
  expect(points).toMatchObject([
    {
      ...{ point: 'temporary place', state: 'warning' },
      text: expect.stringMatching(
        /PrivateTmp=yes.*store \(\/tmp\/x\/x\.db\), apns\.key \(\/var\/tmp\/key\.pem\)$/,
      ) as string,
      fix: expect.stringMatching(/: store, apns\.key$/) as string,
    },
  ]);
});

test('nothing is said of lasting places', () => {
  expect(judgePlaces({ store: '/var/lib/x.db', 'log.destination': 'stderr' })).toEqual([]);
});
