import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { leaseOwner, pidOf, releaseDeadLeases } from '../../src/delivery/lease.ts';
import { type CompiledProgram, compileProgram } from '../support/compiled.ts';
import { tokenNumber } from '../support/events.ts';
import { claimed, enqueued, outboxRow, registered, rowsOf, testStore } from '../support/store.ts';

let program: CompiledProgram;

beforeAll(() => {
  program = compileProgram();
});
afterAll(() => {
  program.remove();
});

/** A store with one row, leased to that owner. */
async function leasedTo(owner: string): Promise<Store> {
  const store = testStore();
  await registered(store);
  await enqueued(store);
  await claimed(store, { owner });
  return store;
}

describe('releaseDeadLeases', () => {
  test('gives back what a process held that has ended, due as it was', async () => {
    const owner = await program.run(
      `import { leaseOwner } from '@/delivery/lease.js'; process.stdout.write(leaseOwner());`,
    );
    const store = await leasedTo(owner);
    const before = await outboxRow(store);
    expect(await releaseDeadLeases(store)).toBe(1);
    expect(await outboxRow(store)).toEqual({ ...before, lease_owner: null, lease_until_ms: null });
  });

  test('leaves what a living process holds', async () => {
    const store = await leasedTo(leaseOwner());
    const before = await outboxRow(store);
    expect(await releaseDeadLeases(store)).toBe(0);
    expect(await outboxRow(store)).toEqual(before);
  });

  test('tells a later process with the same pid apart', async () => {
    const [namespace, pid, startTicks] = leaseOwner().split(':');
    const store = await leasedTo(`${String(namespace)}:${String(pid)}:${Number(startTicks) - 1}`);
    expect(await releaseDeadLeases(store)).toBe(1);
  });

  test('judges nobody on another host, whose first PID namespace has the same name', async () => {
    const [process] = leaseOwner().split('@');
    const dead = String(process).replace(/:\d+:\d+$/, ':1:1');
    for (const [owner, given] of [
      [`${dead}@0123456789ab`, 0],
      [dead, 1],
    ] as const)
      expect(await releaseDeadLeases(await leasedTo(owner))).toBe(given);
  });

  test('judges nobody in another PID namespace, and nobody without one', async () => {
    const [, , startTicks] = leaseOwner().split(':');
    for (const owner of [
      `1:4194304:${String(startTicks)}`,
      'unknown:6f1d7a0e-8d0b-4c0e-9d7a-3f2b1c0d9e8f',
      '',
    ]) {
      const store = await leasedTo(owner);
      expect(await releaseDeadLeases(store)).toBe(0);
    }
  });

  test('counts the rows of all the dead', async () => {
    const store = testStore();
    for (let n = 0; n < 5; n += 1) await registered(store, { deviceToken: tokenNumber(n) });
    await enqueued(store);
    const [namespace] = leaseOwner().split(':');
    await claimed(store, { owner: `${String(namespace)}:4194304:1`, limit: 2 });
    await claimed(store, { owner: `${String(namespace)}:4194305:1`, limit: 1 });
    const own = leaseOwner();
    await claimed(store, { owner: own, limit: 1 });
    expect(await releaseDeadLeases(store)).toBe(3);
    const rows = await rowsOf(store, 'SELECT lease_owner AS owner FROM outbox WHERE lease_owner IS NOT NULL');
    expect(rows).toEqual([{ owner: own }]);
  });
});

test('the pid of an owner, where it tells one', () => {
  expect(pidOf(leaseOwner())).toBe(process.pid);
  expect(['unknown:5b0f', '', 'one', '1:x:2'].map(pidOf)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

describe('leaseOwner', () => {
  test('names the process, and each delivery of one process apart', async () => {
    const [one, two] = [leaseOwner(), leaseOwner()];
    expect(one).not.toBe(two);
    const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
    const pattern = new RegExp(`^${String(namespace)}:${process.pid}:(\\d+):\\d+@[0-9a-f]{12}$`);
    expect(pattern.exec(one)?.[1]).toBe(pattern.exec(two)?.[1]);
    expect(one).toMatch(pattern);
    const other = await program.run(
      `import { leaseOwner } from '@/delivery/lease.js'; process.stdout.write(leaseOwner());`,
    );
    expect(other).not.toBe(leaseOwner());
  });
});

test('releaseLeases gives back those of one owner', async () => {
  const store = testStore();
  for (let n = 0; n < 3; n += 1) await registered(store, { deviceToken: tokenNumber(n) });
  await enqueued(store);
  await claimed(store, { owner: 'one', limit: 2 });
  await claimed(store, { owner: 'two', limit: 1 });
  expect(await store.releaseLeases(['one'])).toBe(2);
  expect(await rowsOf(store, 'SELECT lease_owner AS owner FROM outbox ORDER BY owner')).toEqual([
    { owner: null },
    { owner: null },
    { owner: 'two' },
  ]);
});
