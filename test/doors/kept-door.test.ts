import { expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { KeptDoor } from '../../src/doors/kept-door.ts';
import type { WantedDoor } from '../../src/doors/wanted-doors.ts';
import { OperatorError } from '../../src/process/errors.ts';
import { createTestClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';

const SECOND_MS = 1000;
const CONFIG = {} as Config;

function busy(name: string): OperatorError {
  return new OperatorError(`${name} is in use`, { exitCode: 75, hint: 'stop what listens there' });
}

type Setting = ReturnType<typeof setting>;

/** A kept door, and doors for it by their places: those that cannot be opened now, and those that are open. */
function setting() {
  const [clock, log] = [createTestClock(), recordedLog()];
  const door = new KeptDoor({ clock, log });
  const faults = new Map<string, Error>();
  const [open, tries] = [new Set<string>(), { count: 0 }];
  const at = (place: string): WantedDoor => ({
    kind: 'http',
    place,
    open: () => {
      tries.count += 1;
      const fault = faults.get(place);
      if (fault !== undefined) throw fault;
      open.add(place);
      return {
        name: `http ${place}`,
        close: () => {
          open.delete(place);
          return Promise.resolve();
        },
      };
    },
  });
  const second = async (): Promise<void> => {
    await clock.asleep();
    clock.advance(SECOND_MS);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { door, clock, log, faults, open, tries, at, second };
}

test('a door that cannot be opened is told, and opened when it can be', async () => {
  const { door, clock, log, faults, open, at, second } = setting();
  faults.set('a', busy('a'));
  await door.begin(at('a'), CONFIG);
  const trouble = 'the door http is closed, and tried again: a is in use; fix: stop what listens there';
  expect([door.trouble, door.open]).toEqual([trouble, undefined]);
  const closed = { door: 'http', isAsBefore: false, sinceMs: clock.nowMs(), reason: 'a is in use' };
  for (let n = 0; n < 3; n += 1) await second();
  expect(door.closed).toEqual({ ...closed, fix: 'stop what listens there' }); // since the first try
  expect(log.entries).toEqual([
    {
      level: 'error',
      message: 'a door cannot be opened as configured: it is tried again until it can',
      fields: { door: 'http', stands: 'closed', reason: 'a is in use', hint: 'stop what listens there' },
    },
  ]);
  faults.clear();
  await second();
  expect([door.trouble, door.open?.name, [...open]]).toEqual([undefined, 'http a', ['a']]);
  expect(log.entries.at(-1)).toMatchObject({ level: 'info', fields: { door: 'http a' } });
});

test('it is told again every ten minutes, and another reason at once', async () => {
  const { door, log, faults, at, second } = setting();
  faults.set('a', busy('a'));
  await door.begin(at('a'), CONFIG);
  for (let n = 1; n < 600; n += 1) await second();
  expect(log.messages('error')).toHaveLength(1);
  await second();
  expect(log.messages('error')).toHaveLength(2);
  faults.set('a', busy('its folder'));
  await second();
  expect(log.messages('error')).toHaveLength(3);
});

test('what only another configuration can cure is thrown at the beginning, and told later', async () => {
  const { door, faults, at } = setting();
  faults.set('a', new OperatorError('no address', { exitCode: 78, hint: 'write one' }));
  await expect(door.begin(at('a'), CONFIG)).rejects.toThrow('no address');
  expect(door.trouble).toBeUndefined();
  await door.follow(at('a'), CONFIG);
  expect(door.trouble).toContain('no address');
  await door.close();
});

test('another place that cannot be opened leaves the one before, until it can', async () => {
  const { door, faults, open, at, second } = setting();
  await door.begin(at('a'), CONFIG);
  faults.set('b', busy('b'));
  await door.follow(at('b'), CONFIG);
  expect(door.trouble).toMatch(/^the door http is as it was before, and tried again: b is in use/);
  await second();
  expect([...open]).toEqual(['a']);
  faults.clear();
  await second();
  expect([door.trouble, [...open]]).toEqual([undefined, ['b']]);
});

test.each<[string, (all: Setting) => Promise<void>, string[]]>([
  ['another place', ({ door, at }) => door.follow(at('b'), CONFIG), ['b']],
  ['none', ({ door }) => door.leave(), []],
  ['the end', ({ door }) => door.close(), []],
])('%s ends the tries', async (_, change, left) => {
  const all = setting();
  const { door, clock, faults, open, tries, at } = all;
  faults.set('a', busy('a'));
  await door.begin(at('a'), CONFIG);
  await change(all);
  faults.clear();
  const { count } = tries;
  clock.advance(10 * SECOND_MS);
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  expect([tries.count, door.trouble, [...open]]).toEqual([count, undefined, left]);
});

test('the end waits for a try that is under way, and closes what it opens', async () => {
  const { door, faults, open, at, second } = setting();
  let letGo = (): void => undefined;
  const slow = new Promise<void>((resolve) => (letGo = resolve));
  faults.set('a', busy('a'));
  let endings = 0;
  const wanted: WantedDoor = {
    ...at('a'),
    open: async (opening) => {
      opening.ending.addEventListener('abort', () => (endings += 1));
      const opened = at('a').open(opening);
      await slow;
      return opened;
    },
  };
  await door.begin(wanted, CONFIG);
  faults.clear();
  await second();
  expect([...open]).toEqual(['a']); // though the door does not have it yet
  const closed = door.close();
  expect(endings).toBe(2); // both tries have been told
  letGo();
  await closed;
  expect([...open]).toEqual([]);
});
