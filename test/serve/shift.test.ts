import { expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { withMockApns } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { served, settingFor } from '../support/serving.ts';
import { enqueued, registered } from '../support/store.ts';

test('what is given up for its age counts in the metrics', async () => {
  await withMockApns({}, async (apns) => {
    const { config } = settingFor(apns, () => '');
    const store = openStore(config.store, { create: true });
    await registered(store, { topic: apns.topic });
    await enqueued(store, { nowMs: Date.now() - config.delivery.giveUpMs - 1000 });
    store.close();
    const { metrics } = await served(config);
    const count = 'xapplepush_pushes_total{outcome="gave_up",reason="other"} 1\n';
    expect(
      await eventually(
        () => metrics.text(),
        (text) => text.includes(count),
      ),
    ).toContain(count);
  });
});
