import type { KeyEntry } from '../../src/manual/configuration-keys.ts';
import { prose } from './prose.ts';

/** Every key with what it means, what is expected of its value, and its default; a heading for each at the margin. */
export function describedKeys(keys: readonly KeyEntry[]): string {
  return keys.map(described).join('\n');
}

function described(entry: KeyEntry): string {
  const told = [prose(entry.about), valueOf(entry)].filter(Boolean).join(' ');
  return entry.key.includes('.') ? `- \`${entry.key}\`: ${told}` : `\n### ${entry.key}\n\n${told}\n`;
}

/** '' for a section of keys. */
function valueOf({ expected, byDefault }: KeyEntry): string {
  if (expected === undefined) return '';
  const standard = byDefault === undefined ? '' : ` Default: \`${String(byDefault)}\`.`;
  return `Value: ${prose(expected)}.${standard}`;
}
