import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkDeliverer } from '../../src/check/deliverer.ts';
import { openControlDoor } from '../../src/delivery/control.ts';
import { openDoorbell } from '../../src/delivery/doorbell.ts';
import { EDITION, listening } from '../support/control.ts';
import { temporaryFolder } from '../support/store.ts';

const NO_DOORS = { metrics: true, status: false, pluginPadding: true, pluginNamesMailboxes: false };

test('nobody need run, since an event starts a deliverer', async () => {
  const control = join(temporaryFolder(), 'x.sock');
  expect(await checkDeliverer({ control, edition: EDITION, serve: NO_DOORS })).toMatchObject({ state: 'ok' });
});

test('whoever answers on the control socket delivers', async () => {
  const control = join(temporaryFolder(), 'x.sock');
  const door = await openControlDoor(control, listening());
  const point = await checkDeliverer({ control, edition: EDITION, serve: NO_DOORS });
  await door.close();
  expect(point).toMatchObject({ state: 'ok', text: `running: it answers on ${control}` });
});

test('serve must run where it has a door', async () => {
  const control = join(temporaryFolder(), 'x.sock');
  const serve = { ...NO_DOORS, cyrusSocket: '/run/cyrus.sock', http: '[::1]:11619', dict: '/run/d.sock' };
  expect(await checkDeliverer({ control, edition: EDITION, serve })).toMatchObject({
    state: 'warning',
    text: expect.stringContaining('answers on /run/cyrus.sock and [::1]:11619 and /run/d.sock') as string,
  });
});

test('whoever hears the doorbell and does not answer hangs', async () => {
  const control = join(temporaryFolder(), 'x.sock');
  const doorbell = await openDoorbell(control, EDITION, () => undefined);
  const point = await checkDeliverer({ control, edition: EDITION, serve: NO_DOORS });
  await doorbell.close();
  expect(point).toMatchObject({
    state: 'warning',
    text: expect.stringContaining('does not answer') as string,
  });
});
