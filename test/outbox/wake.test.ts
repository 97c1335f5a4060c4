import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { openControlDoor } from '../../src/doors/control.ts';
import { ensureDelivery } from '../../src/outbox/wake.ts';
import { mayStartDeliverer } from '../../src/outbox/upkeep.ts';
import { createTestClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { NOW_MS, rowsOf, testStore } from '../support/store.ts';

describe('ensureDelivery', () => {
  test('pokes whoever delivers and starts nobody', async () => {
    const store = testStore();
    const control = `${store.file}.sock`;
    let pokes = 0;
    const door = await openControlDoor(control, () => (pokes += 1));
    await ensureDelivery({ control } as Config, store, createTestClock(NOW_MS), recordedLog());
    await door.close();
    expect(pokes).toBe(1);
    expect(await rowsOf(store, 'SELECT until_ms FROM deliverer')).toEqual([{ until_ms: 0 }]);
  });

  test('starts nobody where somebody else has just done so', async () => {
    const store = testStore();
    const clock = createTestClock(NOW_MS);
    await mayStartDeliverer(store, NOW_MS, 1000);
    await ensureDelivery({ control: `${store.file}.sock` } as Config, store, clock, recordedLog());
    expect(await rowsOf(store, 'SELECT until_ms FROM deliverer')).toEqual([{ until_ms: NOW_MS + 1000 }]);
  });
});
