import { expect, test } from 'vitest';
import { createOrder } from '../../src/intake/order.ts';
import type { ReadItem } from '../../src/events/read.ts';

const EVENT = itemOf({ event: 'MessageNew' });
const REGISTRATIONS = [
  ['of Cyrus', itemOf({ event: 'ApplePushService', apsAccountId: 'an account id' })],
  ['of the XAPS plugin', itemOf({ ApsAccountId: 'an account id' })],
  ['of any other server', itemOf({ registration: 1, accountId: 'an account id' })],
  ['that is none, having the key alone', itemOf({ apsAccountId: 1 })],
] as const;

function itemOf(value: unknown): ReadItem {
  return { raw: Buffer.from(JSON.stringify(value)), value };
}

/** Takes that end when they are told to; `begun` has their names in the order in which they began. */
function recorded() {
  const inOrder = createOrder();
  const begun: string[] = [];
  const endings = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  const take = (name: string, item: ReadItem): Promise<void> =>
    inOrder(item, () => {
      begun.push(name);
      return new Promise((resolve, reject) => endings.set(name, { resolve, reject }));
    });
  const end = async (name: string, error?: Error): Promise<void> => {
    const ending = endings.get(name)!;
    if (error === undefined) ending.resolve();
    else ending.reject(error);
    await settle();
  };
  return { take, begun, end };
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('events are under way side by side, and what cannot be read among them', async () => {
  const { take, begun } = recorded();
  void take('a', EVENT);
  void take('b', { raw: Buffer.from('x'), bad: 'not JSON' });
  void take('c', itemOf(null));
  await settle();
  expect(begun).toEqual(['a', 'b', 'c']);
});

test.each(REGISTRATIONS)(
  'a registration %s: what comes after it waits until it is taken',
  async (_, item) => {
    const { take, begun, end } = recorded();
    void take('before', EVENT);
    void take('registration', item);
    void take('second', item);
    void take('after', EVENT);
    await settle();
    expect(begun).toEqual(['before', 'registration']);
    await end('registration');
    expect(begun).toEqual(['before', 'registration', 'second']);
    await end('second');
    expect(begun).toEqual(['before', 'registration', 'second', 'after']);
  },
);

test('one that fails is told to whoever gave it, and what waited for it goes on', async () => {
  const { take, begun, end } = recorded();
  const registration = take('registration', REGISTRATIONS[0][1]);
  void take('after', EVENT);
  await settle();
  const told = expect(registration).rejects.toThrow('locked');
  await end('registration', new Error('locked'));
  await told;
  expect(begun).toEqual(['registration', 'after']);
});
