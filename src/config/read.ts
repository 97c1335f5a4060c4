import * as v from 'valibot';
import type { Settings } from './config.ts';
import { type ConfigProblem, conflicts, type GivenKeys, START } from './conflicts.ts';
import { nearest } from './nearest.ts';
import { type Entry, type Keys, SCHEMA } from './schema.ts';
import { configOf } from './values.ts';
import type { Position, YamlNode } from './yaml.ts';

export type ConfigReading = { config: Settings } | { problems: ConfigProblem[] };

/** The configuration that `root` holds, with defaults filled in, or everything that is wrong with it. */
export function readConfig(root: YamlNode | undefined, file: string | undefined): ConfigReading {
  const findings: Findings = { given: new Map(), places: new Map(), problems: [] };
  const input = root && plainOf(root, SCHEMA, '', findings);
  const reading = v.safeParse(SCHEMA, input, { abortPipeEarly: true });
  const issues = reading.issues ?? [];
  const wrong = issues.map((issue) => problemOf(issue, findings.places));
  const config = configOf(reading.success ? reading.output : v.parse(SCHEMA, without(issues, input)), file);
  const problems = [...findings.problems, ...wrong, ...conflicts(config, findings.given)];
  return problems.length === 0 ? { config } : { problems };
}

interface Findings {
  given: GivenKeys;
  /** Of the values, by their keys. */
  places: Map<string, Position>;
  /** Of keys that the schema does not know. */
  problems: ConfigProblem[];
}

/** The plain value of a node, of the keys that the schema knows. */
function plainOf(node: YamlNode, entry: Entry | undefined, path: string, findings: Findings): unknown {
  findings.places.set(path, node.at);
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'map') return entry?.keys === undefined ? {} : plainMap(node, entry.keys, path, findings);
  return node.items.map((item, index) => {
    const itemPath = join(path, index);
    findings.given.set(itemPath, item.at);
    return plainOf(item, entry?.each, itemPath, findings);
  });
}

function plainMap(
  { entries }: Extract<YamlNode, { kind: 'map' }>,
  keys: Keys,
  prefix: string,
  findings: Findings,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { key, at, value } of entries) {
    const path = join(prefix, key);
    if (Object.hasOwn(keys, key)) {
      if (!isEmpty(value, keys[key])) findings.given.set(path, at);
      values[key] = plainOf(value, keys[key], path, findings);
    } else findings.problems.push({ ...at, key: path, message: unknownKey(key, Object.keys(keys)) });
  }
  return values;
}

/** A section or list whose content is commented out. */
function isEmpty(value: YamlNode, entry: Entry | undefined): boolean {
  const isValue = entry?.keys === undefined && entry?.each === undefined;
  return !isValue && value.kind === 'scalar' && value.value === null;
}

function unknownKey(key: string, known: string[]): string {
  const meant = nearest(key, known);
  return `unknown key; ${meant === undefined ? `known here: ${known.join(', ')}` : `did you mean ${meant}?`}`;
}

/** Entries of a list are named by their place in it, from 1: `apns.also[1]`. */
function join(prefix: string, key: PropertyKey): string {
  if (typeof key === 'number') return `${prefix}[${key + 1}]`;
  return prefix === '' ? String(key) : `${prefix}.${String(key)}`;
}

type Issue = v.InferIssue<typeof SCHEMA>;

function problemOf({ path, message }: Issue, places: Findings['places']): ConfigProblem {
  const key = (path ?? []).map((item) => item.key as PropertyKey).reduce<string>(join, '');
  return { ...(places.get(key) ?? START), key, message };
}

/** A value that is wrong counts as the default, and a list with such a value too, so that the search for problems goes on. */
function without(issues: readonly Issue[], input: unknown): unknown {
  for (const { path } of issues) {
    const last = path?.at(-1);
    const place = Array.isArray(last?.input) && typeof last.value !== 'object' ? path?.at(-2) : last;
    if (place === undefined) return undefined;
    Reflect.deleteProperty(place.input as object, place.key as PropertyKey);
  }
  return input;
}
