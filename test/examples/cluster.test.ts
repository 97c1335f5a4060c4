import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPostgresUrl } from '../../src/config/postgres-url.ts';
import { readConfig } from '../../src/config/read.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { describeWith } from '../support/needs.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { postgresAvailability } from '../support/postgres-installation.ts';

const FOLDER = 'examples/cluster';
const FILES = readdirSync(FOLDER);

describe('examples/cluster', () => {
  test.each(FILES.filter((name) => name.endsWith('.yaml')))('%s has keys that fit together', (name) => {
    const text = readFileSync(`${FOLDER}/${name}`, 'utf8');
    const { root, problems } = parseYaml(text);
    const reading = readConfig(root, name);
    expect([problems, 'problems' in reading ? reading.problems : []]).toEqual([[], []]);
    const store = 'config' in reading ? reading.config.postgres?.url : undefined;
    expect(readPostgresUrl(store ?? '')).toMatchObject({
      ...{ user: 'xapplepush', database: 'xapplepush', sslmode: 'verify-full' },
      hosts: ['db1', 'db2', 'db3'].map((host) => ({ host, port: 5432 })),
    });
    for (const [url] of text.matchAll(/postgresql:\/\/\S+/g))
      expect(readPostgresUrl(url)).toHaveProperty('hosts');
  });

  test('the page speaks of each of them', () => {
    const page = readFileSync('docs/cluster.md', 'utf8');
    expect(FILES.filter((name) => !page.includes(`examples/cluster/${name}`))).toEqual([]);
  });
});

describeWith('PostgreSQL', postgresAvailability(), 'examples/cluster/postgresql.sql', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  test('lets serve make its schema', async () => {
    const text = readFileSync(`${FOLDER}/postgresql.sql`, 'utf8');
    for (const statement of text.split(';').filter((part) => part.trim() !== ''))
      await postgres.run(statement);
    const url = `postgresql:///xapplepush?host=${encodeURIComponent(postgres.folder)}&port=${postgres.port}&user=xapplepush`;
    const store = openPostgres({ url }, { create: true });
    expect(await store.schemaVersion()).toBeGreaterThan(0);
    store.close();
  });
});
