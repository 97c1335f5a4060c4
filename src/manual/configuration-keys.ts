import { getDescription } from 'valibot';
import { type Keys, SCHEMA } from '../config/schema.ts';
import type { YamlScalar } from '../config/yaml.ts';

/** A key of the configuration, or a section of keys. */
export interface KeyEntry {
  /** `delivery.linger`, or the section's name. */
  key: string;
  /** What it means. */
  about: string;
  /** What is expected of its value; absent for a section. */
  expected?: string;
  /** As it would stand in the file; absent where it has none. */
  byDefault?: YamlScalar;
}

/**
 * Every key and section, in the order of the schema. What they mean is the comment above each in the example of a
 * configuration, whose text is given; '' where that says nothing.
 */
export function configurationKeys(example: string): KeyEntry[] {
  const comments = commentsIn(example);
  return entriesOf(SCHEMA.keys, '').map((entry) => ({ ...entry, about: comments.get(entry.key) ?? '' }));
}

function entriesOf(keys: Keys, prefix: string): KeyEntry[] {
  return Object.entries(keys).flatMap(([name, entry]): KeyEntry[] => {
    const key = prefix + name;
    if (entry.keys !== undefined) return [{ key, about: '' }, ...entriesOf(entry.keys, `${key}.`)];
    if (entry.each !== undefined) return [{ key, about: '', expected: 'a list' }];
    const expected = getDescription(entry.wrapped ?? entry) ?? '';
    const byDefault = entry.default as YamlScalar | undefined;
    return [{ key, about: '', expected, ...(byDefault !== undefined && { byDefault }) }];
  });
}

const KEY = /^( *)#?(\w+):/;
const COMMENT = /^ *# (.*)$/;
const INDENTATION = 2;

/** Comments by the key that follows them at once; a key may be commented out as `#key:`. */
function commentsIn(example: string): Map<string, string> {
  const comments = new Map<string, string>();
  const path: string[] = [];
  let comment: string[] = [];
  for (const line of example.split('\n')) {
    const [, indentation = '', name] = KEY.exec(line) ?? [];
    const [, words] = COMMENT.exec(line) ?? [];
    if (name !== undefined) {
      path.splice(indentation.length / INDENTATION, path.length, name);
      comments.set(path.join('.'), comment.join(' '));
    }
    comment = words === undefined ? [] : [...comment, words];
  }
  return comments;
}
