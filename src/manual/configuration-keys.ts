import { isSectionList, isSetting, SCHEMA, type Section } from '../config/schema.ts';
import type { YamlScalar } from '../config/yaml.ts';

/** A key of the configuration, or a section of keys. */
export interface KeyEntry {
  /** `delivery.linger`, or the section's name. */
  key: string;
  /** What it means. */
  about: string;
  /** What is expected of its value; absent for a section. */
  expected?: string;
  byDefault?: YamlScalar;
}

/**
 * Every key and section, in the order of the schema. What they mean is the comment above each in the example of a
 * configuration, whose text is given; '' where that says nothing.
 */
export function configurationKeys(example: string): KeyEntry[] {
  const comments = commentsIn(example);
  return entriesOf(SCHEMA, '').map((entry) => ({ ...entry, about: comments.get(entry.key) ?? '' }));
}

function entriesOf(section: Section, prefix: string): KeyEntry[] {
  return Object.entries(section).flatMap(([name, entry]): KeyEntry[] => {
    const key = prefix + name;
    if (isSectionList(entry)) return [{ key, about: '', expected: 'a list' }];
    if (!isSetting(entry)) return [{ key, about: '' }, ...entriesOf(entry, `${key}.`)];
    const { kind, byDefault } = entry;
    return [{ key, about: '', expected: kind.expected, ...(byDefault !== undefined && { byDefault }) }];
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
