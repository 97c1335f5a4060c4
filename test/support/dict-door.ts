import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type DictDoorOptions, openDictDoor } from '../../src/doors/dict.ts';
import type { DictKeeper } from '../../src/doors/dict-keeper.ts';
import { systemClock } from '../../src/process/clock.ts';
import type { MetadataChange } from '../../src/store/metadata.ts';
import { recordedLog } from './recorded-log.ts';
import { temporaryFolder } from './store.ts';

/** A keeper in memory: by user and key. Whoever is called full is refused. */
export function memoryKeeper(): DictKeeper & { entries: Map<string, string> } {
  const entries = new Map<string, string>();
  const at = (user: string, key: string): string => `${user} ${key}`;
  return {
    entries,
    value: (user, key) => {
      const value = entries.get(at(user, key));
      return Promise.resolve(value === undefined ? undefined : Buffer.from(value, 'latin1'));
    },
    under: (user, prefix) =>
      Promise.resolve(
        [...entries]
          .filter(([key]) => key.startsWith(at(user, prefix)))
          .map(([key, value]) => ({ key: key.slice(user.length + 1), value: Buffer.from(value, 'latin1') }))
          .sort((one, other) => (one.key < other.key ? -1 : 1)),
      ),
    commit: (user: string, changes: readonly MetadataChange[]) => {
      if (user === 'full') return Promise.resolve({ refused: 'a user has 64 entries at most' });
      for (const { key, value } of changes)
        if (value === undefined) entries.delete(at(user, key));
        else entries.set(at(user, key), Buffer.from(value).toString('latin1'));
      return Promise.resolve({});
    },
  };
}

export interface TestDictDoor {
  path: string;
  log: ReturnType<typeof recordedLog>;
  close: () => Promise<void>;
}

/** A door that is closed when the running test ends. */
export async function testDictDoor(
  options: Partial<Omit<DictDoorOptions, 'path'>> = {},
): Promise<TestDictDoor> {
  const path = join(temporaryFolder(), 'dict.sock');
  const log = recordedLog();
  const door = await openDictDoor({
    ...{ path, log, keeper: memoryKeeper(), clock: systemClock, onReplaced: () => undefined },
    ...options,
  });
  onTestFinished(() => door.close());
  return { path, log, close: () => door.close() };
}
