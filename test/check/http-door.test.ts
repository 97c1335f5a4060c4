import { expect, test } from 'vitest';
import { checkHttpDoor } from '../../src/check/http-door.ts';

/** What is said of TLS stands in test/doors/http-tls.test.ts, which has certificates. */
test.each([
  [{ http: '[::1]:1' }, 'serve.status shows its page to nobody: at [::1]:1 it needs a password'],
  [{}, 'serve.status shows its page to nobody: serve.http opens no door for it'],
  [{ http: '[::1]:1', httpPasswordFile: '/x' }, undefined],
  [{ http: 'unix:/run/x.sock' }, undefined],
  [{ http: '[::1]:1', status: false }, undefined],
])('%j: whether anybody can see the status page', (serve, text) => {
  const more = { metrics: true, status: true, pluginPadding: true, pluginNamesMailboxes: false };
  const points = checkHttpDoor({ ...more, ...serve }, { nowMs: 0, isForUs: () => true });
  expect(points.map(({ state, text: told }) => [state, told])).toEqual(
    text === undefined ? [] : [['warning', text]],
  );
});
