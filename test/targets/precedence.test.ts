import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Arrival, ruleOn, type Standing } from '../../src/targets/precedence.ts';

const RULES = { maxPerUser: 3, latestMs: 50 };

/** A target by name: token and account id, such as `t1 a1`. */
function standing(name: string, renewedMs: number, id = renewedMs): Standing {
  return { id, registeredMs: renewedMs, renewedMs, ...idsOf(name) };
}

function arrival(name: string, renewedMs: number | undefined, registeredMs = renewedMs): Arrival {
  return { renewedMs, registeredMs, ...idsOf(name) };
}

function idsOf(name: string): Pick<Arrival, 'deviceToken' | 'accountId' | 'subtopic' | 'source'> {
  const [deviceToken = '', accountId = '', subtopic = 'mail'] = name.split(' ');
  return { deviceToken, accountId, subtopic, source: 'cyrus' };
}

describe('what becomes of an arrival', () => {
  const good = (title: string, what: Arrival, there: Standing[], want: unknown): void => {
    test(title, () => {
      expect(ruleOn(what, there, RULES)).toEqual(want);
    });
  };
  const UNCHANGED = { act: 'unchanged' };
  const taken = (renewedMs: number, removed: number[] = []): unknown => ({
    act: 'taken',
    registeredMs: renewedMs,
    renewedMs,
    removed,
  });
  good('nobody is there', arrival('t1 a1', 10), [], taken(10));
  good('without a time it is as old as the file', arrival('t1 a1', undefined), [], taken(50));
  good('it was registered before it was renewed', arrival('t1 a1', 10, 5), [], {
    act: 'taken',
    registeredMs: 5,
    renewedMs: 10,
    removed: [],
  });
  good('newer than itself: the first registration stays', arrival('t1 a1', 20), [standing('t1 a1', 10)], {
    act: 'renewed',
    registeredMs: 10,
    renewedMs: 20,
    removed: [],
  });
  good('newer than itself, and registered earlier', arrival('t1 a1', 20, 3), [standing('t1 a1', 10)], {
    act: 'renewed',
    registeredMs: 3,
    renewedMs: 20,
    removed: [],
  });
  good('as old as itself', arrival('t1 a1', 10, 1), [standing('t1 a1', 10)], UNCHANGED);
  good('older than itself', arrival('t1 a1', 9), [standing('t1 a1', 10)], UNCHANGED);
  good('itself is there, and it has no time', arrival('t1 a1', undefined), [standing('t1 a1', 1)], UNCHANGED);
  good(
    'another account id of the device is older',
    arrival('t1 a2', 20),
    [standing('t1 a1', 10)],
    taken(20, [10]),
  );
  good('another account id of the device is newer', arrival('t1 a2', 9), [standing('t1 a1', 10)], UNCHANGED);
  good(
    'another account id of the device is as old',
    arrival('t1 a2', 10),
    [standing('t1 a1', 10)],
    taken(10),
  );
  good(
    'another account id for another subtopic',
    arrival('t1 a2 news', 20),
    [standing('t1 a1', 10)],
    taken(20),
  );
  good(
    'another account id, newer than the file',
    arrival('t1 a2', undefined),
    [standing('t1 a1', 60)],
    UNCHANGED,
  );
  good('another account id of unknown age: both stay', arrival('t1 a2', undefined), [standing('t1 a1', 40)], {
    act: 'taken',
    registeredMs: 40,
    renewedMs: 40,
    removed: [],
  });
  good(
    'renewed, and the other account ids are older',
    arrival('t1 a2', 20),
    [standing('t1 a1', 10), standing('t1 a2', 10, 2)],
    {
      act: 'renewed',
      registeredMs: 10,
      renewedMs: 20,
      removed: [10],
    },
  );
  const three = [standing('t1 a1', 10), standing('t2 a1', 30), standing('t3 a1', 20)];
  const SKIPPED = { act: 'skipped', fault: { reason: 'the user has targets.max_per_user newer devices' } };
  good('one too many, and it is newer: the oldest makes way', arrival('t4 a1', 15), three, taken(15, [10]));
  good('one too many, and it is older', arrival('t4 a1', 9), three, SKIPPED);
  good('one too many, and it is as old', arrival('t4 a1', 10), three, SKIPPED);
  good('one too many, without a time', arrival('t4 a1', undefined), three, SKIPPED);
  good(
    'another account id of unknown age does not count',
    arrival('t4 a1', 9),
    [standing('t1 a1', 10), standing('t1 a2', 10, 2), standing('t2 a1', 30)],
    taken(9),
  );
  good('one too many but for its own other account id', arrival('t1 a2', 15), three, taken(15, [10]));
  good(
    'more are there than may be',
    arrival('t5 a1', 40),
    [...three, standing('t4 a1', 5)],
    taken(40, [10, 5]),
  );
  good('renewed among more than may be', arrival('t4 a1', 6), [...three, standing('t4 a1', 5)], {
    act: 'renewed',
    registeredMs: 5,
    renewedMs: 6,
    removed: [],
  });
});

test('a file of another source pushes nobody out', () => {
  const there = [1, 2, 3].map((n) => standing(`t${n} a`, n));
  const foreign = { ...arrival('t9 a', 99), source: 'xaps' };
  expect(ruleOn(foreign, there, RULES)).toMatchObject({ act: 'taken', removed: [] });
});

/** What stands after these came, one after the other. */
function after(arrivals: readonly Arrival[], before: readonly Standing[] = []): Standing[] {
  return arrivals.reduce<Standing[]>(
    (there, each, index) => {
      const ruling = ruleOn(each, there, RULES);
      if (ruling.act !== 'taken' && ruling.act !== 'renewed') return there;
      const { registeredMs, renewedMs, removed } = ruling;
      const { deviceToken, accountId, subtopic, source } = each;
      const others = there.filter(
        (other) =>
          !removed.includes(other.id) && (other.deviceToken !== deviceToken || other.accountId !== accountId),
      );
      return [
        ...others,
        { id: 1000 + index, deviceToken, accountId, subtopic, source, registeredMs, renewedMs },
      ];
    },
    [...before],
  );
}

const told = (there: readonly Standing[]): string[] =>
  there.map(({ deviceToken, accountId, renewedMs }) => `${deviceToken} ${accountId} ${renewedMs}`).sort();

const anyArrival = (times: fc.Arbitrary<number | undefined>): fc.Arbitrary<Arrival> =>
  fc
    .record({
      deviceToken: fc.constantFrom('t1', 't2', 't3', 't4', 't5'),
      accountId: fc.constantFrom('a1', 'a2', 'a3'),
      ...{ subtopic: fc.constant('mail'), source: fc.constant('cyrus') },
      renewedMs: times,
    })
    .map((each) => ({ ...each, registeredMs: each.renewedMs }));

const dated = anyArrival(fc.nat(99));
const undated = anyArrival(fc.constant(undefined));

test('whatever comes a second time changes nothing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.array(dated), fc.array(undated)), (arrivals) => {
      const once = after(arrivals);
      expect(told(after(arrivals, once))).toEqual(told(once));
      expect(new Set(once.map(({ deviceToken }) => deviceToken)).size).toBeLessThanOrEqual(RULES.maxPerUser);
    }),
  );
});

test('where only some lines say a time, the second time removes nothing and the third changes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(dated, undated)), (arrivals) => {
      const once = after(arrivals);
      const twice = after(arrivals, once);
      expect(told(twice)).toEqual(expect.arrayContaining(told(once)));
      expect(told(after(arrivals, twice))).toEqual(told(twice));
    }),
  );
});

test('a file that is broken off and begun anew ends as if it was not', () => {
  fc.assert(
    fc.property(fc.array(dated), fc.nat(), (arrivals, cut) => {
      const part = after(arrivals.slice(0, cut % (arrivals.length + 1)));
      expect(told(after(arrivals, part))).toEqual(told(after(arrivals)));
    }),
  );
});

test('what an import leaves behind is left behind by its export, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(dated, undated)), (arrivals) => {
      const there = after(arrivals);
      for (const order of [there, [...there].reverse()]) expect(told(after(order))).toEqual(told(there));
    }),
  );
});

test('nothing is replaced by what is not newer', () => {
  fc.assert(
    fc.property(fc.array(dated), dated, (arrivals, last) => {
      const before = after(arrivals);
      const ruling = ruleOn(last, before, RULES);
      const removed = 'removed' in ruling ? before.filter(({ id }) => ruling.removed.includes(id)) : [];
      for (const each of removed) expect(each.renewedMs).toBeLessThan(last.renewedMs ?? 0);
    }),
  );
});
