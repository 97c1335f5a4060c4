import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { readConfig } from '../../src/config/read.ts';
import { type Entry, type Keys, SCHEMA } from '../../src/config/schema.ts';
import { parseYaml, type YamlNode } from '../../src/config/yaml.ts';
import { temporaryFolder } from '../support/store.ts';

const FILE = 'examples/config.yaml';

const shipped = fs.readFileSync(FILE, 'utf8');

/** What is loaded gets its compiled form beside it. */
function copyOf(file: string): string {
  const copy = path.join(temporaryFolder(), path.basename(file));
  fs.copyFileSync(file, copy);
  return copy;
}

/** The file with every key taken out of its comment: `#key:`, where prose has a space after the `#`. */
const everyKey = shipped.replace(/^( *)#(?=\w+:)/gm, '$1');

/** The values and lists of the schema; the entries of a list have the keys that are shown above it. */
function settings(keys: Keys, prefix = ''): [string, Entry][] {
  return Object.entries(keys).flatMap(([key, entry]) =>
    entry.keys === undefined ? [[prefix + key, entry]] : settings(entry.keys, `${prefix}${key}.`),
  );
}

function values(node: YamlNode | undefined, prefix = ''): [string, unknown][] {
  if (node?.kind !== 'map') return [];
  return node.entries.flatMap(({ key, value }) => {
    if (value.kind === 'scalar') return [[prefix + key, value.value]];
    return value.kind === 'list' ? [[prefix + key, value.items]] : values(value, `${prefix}${key}.`);
  });
}

describe('examples/config.yaml', () => {
  it('gives the defaults as it is shipped', () => {
    const { file, edition, ...config } = loadConfig(copyOf(FILE), {});
    expect({ config: { ...config, file: undefined } }).toStrictEqual(readConfig(undefined, undefined));
    expect([file, edition]).toEqual([
      expect.stringMatching(/config\.yaml$/),
      expect.stringMatching(/^[0-9a-f]{12}\.source$/),
    ]);
  });

  it('has every key and no other', () => {
    const { root, problems } = parseYaml(everyKey);
    expect(problems).toEqual([]);
    expect(values(root).map(([key]) => key)).toEqual(settings(SCHEMA.keys).map(([key]) => key));
  });

  it('shows the defaults', () => {
    const shown = new Map(values(parseYaml(everyKey).root));
    const byDefault = settings(SCHEMA.keys).filter(
      ([, { default: byDefault, each }]) => byDefault !== undefined && each === undefined,
    );
    expect(byDefault.map(([key]) => [key, shown.get(key)])).toEqual(
      byDefault.map(([key, setting]) => [key, setting.default]),
    );
    const defaults = readConfig(undefined, undefined);
    expect(defaults).toHaveProperty('config.control', shown.get('control'));
  });

  it('shows values that can be used, but not together what belongs to another credential or store', () => {
    const reading = readConfig(parseYaml(everyKey).root, FILE);
    expect('problems' in reading ? reading.problems.map(({ key }) => key) : []).toEqual([
      'apns.token',
      'store_password_file',
      'host',
      'state',
    ]);
  });

  it('says of each key what it means, and of one without a default that it has none', () => {
    const lines = shipped.split('\n');
    for (const [key, { default: byDefault, each }] of settings(SCHEMA.keys)) {
      const name = key.split('.').at(-1)!;
      const at = lines.findIndex((line) => line.trim().startsWith(`#${name}:`));
      const before = lines.slice(0, at).reverse();
      const comment = before.slice(
        0,
        before.findIndex((line) => !line.trim().startsWith('# ')),
      );
      expect(comment.join(), key).toMatch(/# \S/);
      if ((byDefault === undefined || each !== undefined) && !key.startsWith('apns.token.'))
        expect(comment.join(), key).toMatch(/default/i);
    }
  });

  it('tells the range of each duration and count', () => {
    for (const range of ['0s to 24d', '1s to 24d', '1s to 3650d', '1d to 3650d', '1 to 1000']) {
      expect(shipped).toContain(range);
    }
  });
});
