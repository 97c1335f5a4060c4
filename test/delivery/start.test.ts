import { expect, test } from 'vitest';
import { startDeliverer } from '../../src/delivery/start.ts';
import { recordedLog } from '../support/recorded-log.ts';

test('a deliverer that cannot be started is told, and nothing is thrown', async () => {
  const log = recordedLog();
  await startDeliverer(`/${'x'.repeat(200_000)}`, log); // longer than an argument may be (execve(2), E2BIG)
  expect(log.entries).toEqual([
    expect.objectContaining({
      level: 'error',
      message: 'cannot start a deliverer',
      fields: { reason: 'spawn E2BIG' },
    }),
  ]);
});
