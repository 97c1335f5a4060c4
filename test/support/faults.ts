import { cpSync } from 'node:fs';
import { expect } from 'vitest';
import { startTestApns, type TestApns } from './apns.ts';
import type { Sandbox } from './command.ts';
import { registration, tokenNumber } from './events.ts';

/** A device for each of these users, which all are registered in one call. */
export async function registerUsers(sandbox: Sandbox, count: number): Promise<void> {
  const events = range(count).map((n) => registration({ user: `user${n}`, apsDeviceToken: tokenNumber(n) }));
  expect(await sandbox.run([], { input: events.join('') })).toMatchObject({ exitCode: 0 });
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Sorted, as those of `range` are. */
export const tokensOf = (pushes: TestApns['received']): string[] =>
  pushes.map(({ deviceToken }) => deviceToken).sort();

/** Pushes that are left after a flush. */
export async function waitingIn(sandbox: Sandbox): Promise<number> {
  return (JSON.parse((await sandbox.run(['flush', '--json'])).stdout) as { waiting: number }).waiting;
}

/**
 * A stand-in in place of this one, whose certificates outlive it; the function that it gives starts it again on its
 * port. `onStart` hears of each.
 */
export async function restartable(
  { sandbox, apns }: { sandbox: Sandbox; apns: TestApns },
  onStart: (started: TestApns) => void,
): Promise<() => Promise<void>> {
  const dir = `${sandbox.dir}/apns`;
  cpSync(apns.dir, dir, { recursive: true });
  await apns.close();
  const first = await startTestApns({ dir });
  onStart(first);
  return async () => onStart(await startTestApns({ dir, port: first.port }));
}
