import { expect, test } from 'vitest';
import { createReach } from '../../../src/store/postgres/reach.ts';

const failure = (code: string): Error => Object.assign(new Error('it said so'), { code });

/** A server that nobody can connect to for that reason, unless it is well. */
function setting(code: string) {
  const state = { nowMs: 0, connects: 0, hasIdle: false, isWell: false };
  const reach = createReach(() => state.nowMs);
  const connect = (): Promise<string> => {
    state.connects += 1;
    return state.isWell ? Promise.resolve('well') : Promise.reject(failure(code));
  };
  const asked = (): Promise<unknown> =>
    reach
      .unlessAway(connect, () => state.hasIdle)
      .catch((error: unknown) => ((error as Error).cause as { code: string }).code);
  return { state, asked };
}

test.each(['ECONNREFUSED', '28P01', '53300', '3D000'])('%s is tried again after a second', async (code) => {
  const { state, asked } = setting(code);
  for (let n = 0; n < 3; n += 1) expect(await asked()).toBe(code);
  expect(state.connects).toBe(1);
  state.nowMs = 1000;
  state.isWell = true;
  expect([await asked(), await asked()]).toEqual(['well', 'well']);
});

test.each([
  ['53300', 'leaves', 2],
  ['ECONNREFUSED', 'does not trust', 1],
] as const)('%s %s the connections that there are', async (code, _, connects) => {
  const { state, asked } = setting(code);
  await asked();
  state.hasIdle = true;
  await asked();
  expect(state.connects).toBe(connects);
});
