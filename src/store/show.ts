import { existsSync, statSync } from 'node:fs';
import { countOf, sizeText } from '../process/text.ts';
import { type StoreConfig, withStore } from './configured.ts';
import type { Store } from './store.ts';

/** Which store it is, for programs. */
export interface StoreShown {
  store: string;
  engine: 'SQLite' | 'PostgreSQL';
  /** Of a file: what opens it. */
  driver?: Store['driver'];
  /** Of the schema. */
  version: number;
  /** Of the tables, or of the files. */
  bytes: number;
  devices: number;
  waiting: number;
}

/** Which store the configuration names, its version and size. Throws OperatorError where it cannot be opened. */
export function lookAtStore(config: StoreConfig): Promise<StoreShown> {
  return withStore(config, async (store) => {
    const { targets, waiting } = await store.countRows();
    return {
      store: store.file,
      engine: config.postgres === undefined ? 'SQLite' : 'PostgreSQL',
      ...(store.driver && { driver: store.driver }),
      version: await store.schemaVersion(),
      bytes: await sizeOf(store),
      ...{ devices: targets, waiting },
    };
  });
}

async function sizeOf({ file, survey }: Store): Promise<number> {
  if (survey !== undefined) return (await survey()).bytes;
  const files = [file, `${file}-wal`].filter((each) => existsSync(each));
  return files.reduce((sum, each) => sum + statSync(each).size, 0);
}

export function describeStore(shown: StoreShown): string {
  const { store, engine, driver, version, bytes, devices, waiting } = shown;
  const by = driver === undefined ? '' : ` by ${driver}`;
  return [
    `store    ${store}`,
    `engine   ${engine}${by}, version ${version} of the schema`,
    `size     ${sizeText(bytes)}`,
    `devices  ${countOf(devices, 'device')}, ${countOf(waiting, 'push waits', 'pushes wait')}`,
    '',
  ].join('\n');
}
