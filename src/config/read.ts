import type { Settings } from './config.ts';
import { type ConfigProblem, conflicts, type GivenKeys } from './conflicts.ts';
import { nearest } from './nearest.ts';
import { isSectionList, isSetting, SCHEMA, type Section, type Setting, type ValuesOf } from './schema.ts';
import { configOf } from './values.ts';
import type { YamlEntry, YamlNode, YamlScalar } from './yaml.ts';

export type ConfigReading = { config: Settings } | { problems: ConfigProblem[] };

/** The configuration that `root` holds, with defaults filled in, or everything that is wrong with it. */
export function readConfig(root: YamlNode | undefined, file: string | undefined): ConfigReading {
  const findings: Findings = { given: new Map(), problems: [] };
  const values = readSection(SCHEMA, root, '', findings);
  const config = configOf(values, file);
  const problems = [...findings.problems, ...conflicts(config, findings.given)];
  return problems.length === 0 ? { config } : { problems };
}

interface Findings {
  given: GivenKeys;
  problems: ConfigProblem[];
}

function readSection<S extends Section>(
  section: S,
  node: YamlNode | undefined,
  prefix: string,
  findings: Findings,
): ValuesOf<S> {
  const entries = new Map<string, YamlEntry>();
  for (const entry of entriesOf(node, prefix, findings)) {
    if (Object.hasOwn(section, entry.key)) entries.set(entry.key, entry);
    else findings.problems.push(unknownKey(entry, prefix, Object.keys(section)));
  }
  const values = Object.entries(section).map(([key, expected]) => {
    const path = join(prefix, key);
    const entry = entries.get(key);
    if (isSetting(expected)) return [key, readSetting(expected, entry, path, findings)] as const;
    if (entry !== undefined && !isNull(entry.value)) findings.given.set(path, entry.at);
    if (isSectionList(expected))
      return [key, readList(expected.eachOf, entry?.value, path, findings)] as const;
    return [key, readSection(expected, entry?.value, path, findings)] as const;
  });
  return Object.fromEntries(values) as ValuesOf<S>;
}

/** A section whose keys are all commented out is null in YAML, and empty. */
function entriesOf(node: YamlNode | undefined, key: string, { problems }: Findings): YamlEntry[] {
  if (node === undefined || isNull(node)) return [];
  if (node.kind === 'map') return node.entries;
  problems.push({ ...node.at, key, message: `expected keys with values, got ${describe(node)}` });
  return [];
}

/** Entries are named by their place in the list, from 1: `apns.also[1]`. */
function readList<S extends Section>(
  section: S,
  node: YamlNode | undefined,
  key: string,
  findings: Findings,
): ValuesOf<S>[] {
  if (node === undefined || isNull(node)) return [];
  if (node.kind === 'list') {
    return node.items.map((item, index) => {
      const path = `${key}[${index + 1}]`;
      findings.given.set(path, item.at);
      return readSection(section, item, path, findings);
    });
  }
  findings.problems.push({ ...node.at, key, message: `expected a list, got ${describe(node)}` });
  return [];
}

function unknownKey({ key, at }: YamlEntry, prefix: string, known: string[]): ConfigProblem {
  const meant = nearest(key, known);
  const advice = meant === undefined ? `known here: ${known.join(', ')}` : `did you mean ${meant}?`;
  return { ...at, key: join(prefix, key), message: `unknown key; ${advice}` };
}

/** A value that is wrong counts as the default, so that the search for problems goes on. */
function readSetting<T>(
  { kind, byDefault }: Setting<T>,
  entry: YamlEntry | undefined,
  key: string,
  { given, problems }: Findings,
): T | undefined {
  if (entry !== undefined) {
    given.set(key, entry.at);
    const reading = entry.value.kind === 'scalar' ? kind.read(entry.value.value) : undefined;
    if (reading !== undefined && 'value' in reading) return reading.value;
    const message = reading?.problem ?? `expected ${kind.expected}, got ${describe(entry.value)}`;
    problems.push({ ...entry.value.at, key, message });
  }
  return byDefault === undefined ? undefined : defaultOf(kind.read, byDefault, key);
}

function defaultOf<T>(read: Setting<T>['kind']['read'], byDefault: YamlScalar, key: string): T {
  const reading = read(byDefault);
  if ('problem' in reading) throw new Error(`the default of ${key}: ${reading.problem}`);
  return reading.value;
}

function join(prefix: string, key: string): string {
  return prefix === '' ? key : `${prefix}.${key}`;
}

function isNull(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}

function describe(node: YamlNode): string {
  if (node.kind === 'scalar') return `the value ${JSON.stringify(node.value)}`;
  return node.kind === 'map' ? 'keys with values' : 'a list';
}
