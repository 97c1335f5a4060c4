import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createReceiver, LOCKED_PAUSE_MS } from '../../src/doors/receiver.ts';
import type { Intake, Taken } from '../../src/intake.ts';
import { StoreError } from '../../src/store/errors.ts';
import { createTestClock } from '../support/clock.ts';
import { messageNew } from '../support/events.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { temporaryFolder } from '../support/store.ts';

const TAKEN: Taken = { targetIds: [1], bad: undefined, topic: undefined, names: ['MessageNew'], silent: [] };
const EVENT = Buffer.from(messageNew());

function testReceiver() {
  const spool = join(temporaryFolder(), 'spool');
  const clock = createTestClock();
  const state = { asked: 0, rung: 0, busy: undefined as boolean | undefined };
  const intake: Intake = () => {
    state.asked += 1;
    if (state.busy === undefined) return Promise.resolve(TAKEN);
    return Promise.reject(new StoreError('not now', { hint: '', busy: state.busy, cause: undefined }));
  };
  const onWork = (): void => void (state.rung += 1);
  const receive = createReceiver({ intake: () => intake, spool, clock, log: recordedLog(), onWork });
  return { receive, clock, state, spooled: () => readdirSync(join(spool, 'new')).length };
}

test('after a locked database others do not wait for it; a moment later it is asked again', async () => {
  const { receive, clock, state, spooled } = testReceiver();
  state.busy = true;
  for (let n = 0; n < 5; n += 1) expect(await receive(EVENT, 'cyrus')).toMatchObject({ spooled: true });
  expect(state).toMatchObject({ asked: 1, rung: 0 });
  expect(spooled()).toBe(5);
  state.busy = undefined;
  clock.advance(LOCKED_PAUSE_MS - 1);
  expect(await receive(EVENT, 'cyrus')).toMatchObject({ spooled: true, targets: 0 });
  clock.advance(1);
  expect(await receive(EVENT, 'cyrus')).toMatchObject({ spooled: false, targets: 1 });
  expect(state).toMatchObject({ asked: 2, rung: 1 });
  expect(spooled()).toBe(6);
});

test('one that is not locked but fails says so at once, and is asked each time', async () => {
  const { receive, state, spooled } = testReceiver();
  state.busy = false;
  for (let n = 0; n < 3; n += 1) expect(await receive(EVENT, 'http')).toMatchObject({ spooled: true });
  expect(state.asked).toBe(3);
  expect(spooled()).toBe(3);
});
