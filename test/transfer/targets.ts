import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Store } from '../../src/store/store.ts';
import type { WholeTarget } from '../../src/targets/record.ts';
import { takeInto } from '../../src/transfer/taking.ts';
import { NOW_MS } from '../support/store.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from '../support/events.ts';

export const NOW_TEXT = '2023-11-14T22:13:20.000Z';

/** Alice's phone as an export has it, subscribed to her INBOX. */
export function exportedTarget(changes: Partial<WholeTarget> = {}): WholeTarget {
  return {
    user: 'alice',
    deviceToken: DEVICE_TOKEN,
    accountId: ACCOUNT_ID,
    subtopic: 'com.apple.mobilemail',
    apsVersion: 2,
    topic: 'com.apple.mail.XServer.test',
    source: 'cyrus',
    registeredMs: NOW_MS - 5000,
    renewedMs: NOW_MS,
    lastPushMs: null,
    lastSuccessMs: null,
    lastError: null,
    lastErrorMs: null,
    failures: 0,
    failingSinceMs: null,
    disabledMs: null,
    subscriptions: [{ owner: changes.user ?? 'alice', path: 'INBOX', name: 'INBOX', hash: md5('INBOX') }],
    ...changes,
  };
}

export function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** Text that a database keeps: anything but NUL and halves of surrogate pairs. */
export const storableText = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('\n', '\r', '"', ',', '\u2028', '\u001b', 'ä', '{', '}', '\\', '\u0007'),
    }),
  )
  .map((text) => text.replace(/[\0\p{Cs}]/gu, ''));

const name = storableText.filter((text) => text !== '');
const timeMs = fc.integer({ min: 0, max: NOW_MS });
const timeOrNull = fc.option(timeMs);

/** Any target that a store with `lowercase: false` may hold. */
export const anyTarget: fc.Arbitrary<WholeTarget> = fc
  .record({
    user: name,
    deviceToken: fc.stringMatching(/^(?:[0-9a-f]{2}){16,40}$/),
    accountId: fc.stringMatching(/^[0-9A-Za-z._-]{16,40}$/),
    subtopic: fc.constant('com.apple.mobilemail'),
    apsVersion: fc.integer({ min: 1, max: 9 }),
    topic: storableText,
    source: fc.constantFrom('cyrus' as const, 'dovecot' as const, 'xaps' as const, 'http' as const),
    registeredMs: timeMs,
    renewedMs: timeMs,
    lastPushMs: timeOrNull,
    lastSuccessMs: timeOrNull,
    lastError: fc.option(storableText),
    lastErrorMs: timeOrNull,
    failures: fc.nat(),
    failingSinceMs: timeOrNull,
    disabledMs: timeOrNull,
    paths: fc.uniqueArray(fc.record({ path: name, name, hashed: fc.boolean() }), {
      selector: ({ path }) => path,
      minLength: 1,
      maxLength: 5,
    }),
  })
  .map(({ paths, ...target }) => ({
    ...target,
    subscriptions: paths
      .map(({ path, name: as, hashed }) => ({
        owner: target.user,
        path,
        name: as,
        hash: hashed ? md5(path) : undefined,
      }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))),
  }));

/** Puts targets into a store as they are. */
export async function filled(store: Store, targets: readonly WholeTarget[]): Promise<void> {
  const clock = { nowMs: () => 0, steadyMs: () => 0, sleep: () => Promise.resolve() };
  const take = takeInto(store, { maxPerUser: 1000, latestMs: 0 }, clock);
  const candidates = targets.map((target) => {
    const { registeredMs, renewedMs } = target;
    return { target, registeredMs, renewedMs, history: target };
  });
  for (let done = 0; done < candidates.length;) done += (await take(candidates.slice(done))).length;
}
