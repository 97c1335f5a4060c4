import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';

/** A place in the text; lines and columns count from 1, columns in UTF-16 units. */
export interface Position {
  line: number;
  column: number;
}

export type YamlScalar = string | number | boolean | null;

export interface YamlEntry {
  key: string;
  /** Where the key stands. */
  at: Position;
  value: YamlNode;
}

/** A value and where it stands; a key without a value has the scalar null. */
export type YamlNode =
  | { kind: 'map'; at: Position; entries: YamlEntry[] }
  | { kind: 'list'; at: Position; items: YamlNode[] }
  | { kind: 'scalar'; at: Position; value: YamlScalar };

export interface YamlProblem extends Position {
  message: string;
}

export interface YamlDocument {
  /** Undefined where the syntax is broken. Of a key that is given twice, the first. */
  root: YamlNode | undefined;
  problems: YamlProblem[];
}

/**
 * Reads one document of YAML 1.2 with its core schema, where `off`, `no` and `yes` are text. Aliases and
 * unknown tags are problems: a configuration needs none, and aliases can grow without bound.
 */
export function parseYaml(text: string): YamlDocument {
  // Loaded only when there is a file to read: the program starts for each mail event.
  const yaml = createRequire(import.meta.url)('yaml') as typeof Yaml;
  const tooDeep = offsetOfTooDeep(yaml, text);
  return tooDeep === undefined ? parse(yaml, text) : nestedTooDeeply(text.slice(0, tooDeep));
}

/** Many times what a configuration needs. The library descends by recursion, which a full stack would end. */
const NESTING_MAX = 64;

function offsetOfTooDeep(yaml: typeof Yaml, text: string): number | undefined {
  const parser = new yaml.Parser();
  for (const lexeme of new yaml.Lexer().lex(text)) {
    Array.from(parser.next(lexeme));
    if (parser.stack.length > NESTING_MAX) return parser.offset;
  }
  return undefined;
}

function nestedTooDeeply(before: string): YamlDocument {
  const lines = before.split('\n');
  const at = { line: lines.length, column: (lines.at(-1) ?? '').length };
  return { root: undefined, problems: [{ ...at, message: 'nested too deeply' }] };
}

function parse(yaml: typeof Yaml, text: string): YamlDocument {
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: 'core', // also where a %YAML directive asks for 1.1
    resolveKnownTags: false,
    uniqueKeys: false, // the library's own check is quadratic
  });
  const at = positions(lines, text);
  const broken = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    ...at(pos[0]),
    message,
  }));
  if (broken.length > 0) return { root: undefined, problems: broken };
  const problems: YamlProblem[] = [];
  return { root: nodeOf({ yaml, at, problems }, document.contents, 0), problems };
}

type PositionOf = (offset: number | undefined) => Position;

function positions(lines: Yaml.LineCounter, text: string): PositionOf {
  return (offset = text.length) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
}

interface Reading {
  yaml: typeof Yaml;
  at: PositionOf;
  problems: YamlProblem[];
}

/** `offset` is where the value would stand if there is none. */
function nodeOf(reading: Reading, node: unknown, offset: number): YamlNode {
  const { yaml, problems } = reading;
  const at = reading.at(yaml.isNode(node) ? (node.range?.[0] ?? offset) : offset);
  if (yaml.isMap(node)) return { kind: 'map', at, entries: entriesOf(reading, node) };
  if (yaml.isSeq(node)) {
    return { kind: 'list', at, items: node.items.map((item) => nodeOf(reading, item, offset)) };
  }
  if (yaml.isAlias(node)) problems.push({ ...at, message: 'aliases are not supported; write the value out' });
  const value: unknown = yaml.isScalar(node) ? node.value : null;
  return { kind: 'scalar', at, value: isYamlScalar(value) ? value : null };
}

function entriesOf(reading: Reading, map: Yaml.YAMLMap): YamlEntry[] {
  const seen = new Map<string, YamlEntry>();
  for (const pair of map.items) {
    const entry = entryOf(reading, pair);
    const first = seen.get(entry.key);
    if (first === undefined) seen.set(entry.key, entry);
    else reading.problems.push({ ...entry.at, message: duplicateOf(first) });
  }
  return [...seen.values()];
}

function duplicateOf({ key, at }: YamlEntry): string {
  return `\`${key}\` is given twice, first in line ${at.line}`;
}

function entryOf(reading: Reading, { key, value }: Yaml.Pair): YamlEntry {
  const { yaml } = reading;
  const [start, end] = (yaml.isNode(key) ? key.range : undefined) ?? [0, 0];
  const text = yaml.isScalar(key) ? (key.source ?? String(key.value)) : undefined;
  const at = reading.at(start);
  if (text === undefined) reading.problems.push({ ...at, message: 'a key must be a single word' });
  return { key: text ?? '', at, value: nodeOf(reading, value, end) };
}

function isYamlScalar(value: unknown): value is YamlScalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
