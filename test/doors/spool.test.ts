import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSpoolDoor } from '../../src/doors/spool.ts';
import { createTestClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { temporaryFolder } from '../support/store.ts';

const SECOND_MS = 1000;

test('a spool that cannot be read is told once, then every ten minutes, and anew after it could be', async () => {
  const [clock, log] = [createTestClock(), recordedLog()];
  let [tries, reason] = [0, 'cannot read /etc/imapd.conf'];
  const drain = (): Promise<void> => {
    tries += 1;
    return reason === '' ? Promise.resolve() : Promise.reject(new Error(reason));
  };
  const door = openSpoolDoor({ spool: join(temporaryFolder(), 'spool'), drain, clock, log });
  onTestFinished(() => door.close());
  const pass = async (seconds: number): Promise<void> => {
    for (let n = 0; n < seconds; n += 1) {
      clock.advance(SECOND_MS);
      await clock.asleep();
    }
  };
  await clock.asleep();
  await pass(599);
  expect(tries).toBe(600);
  expect(log.messages('error')).toHaveLength(1);
  await pass(1);
  expect(log.messages('error')).toHaveLength(2);

  reason = 'cannot read /spool/new';
  await pass(1);
  expect(log.messages('error')).toHaveLength(3);
  reason = '';
  await pass(1);
  reason = 'cannot read /spool/new';
  await pass(5);
  expect(log.messages('error')).toHaveLength(4);
});
