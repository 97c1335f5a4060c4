import { unfitEntry } from './dict-command.ts';
import { tabUnescaped } from './dict-escapes.ts';

/** What a file of Dovecot's dict holds, and the lines that hold nothing that can be kept. */
export interface DictFile {
  entries: { key: string; value: Buffer }[];
  bad: { line: number; why: string }[];
}

/** A dict file of Dovecot (dict-file.c): a line with the name of an entry, and one with its value, in turn. */
export function readDictFile(bytes: Buffer): DictFile {
  const lines = bytes.toString('latin1').split('\n');
  if (lines.at(-1) === '') lines.pop();
  const file: DictFile = { entries: [], bad: [] };
  for (let index = 0; index < lines.length; index += 2) {
    const entry = entryOf(lines[index] ?? '', lines[index + 1]);
    if (typeof entry === 'string') file.bad.push({ line: index + 1, why: entry });
    else file.entries.push(entry);
  }
  return file;
}

/** Or why it is none. */
function entryOf(name: string, line: string | undefined): DictFile['entries'][number] | string {
  if (line === undefined) return 'the name of an entry without a value';
  const [key, value] = [name, line].map(tabUnescaped);
  if (key === undefined || value === undefined) return 'an escape that there is not';
  const entry = { key: Buffer.from(key, 'latin1').toString(), value: Buffer.from(value, 'latin1') };
  return unfitEntry(entry.key, entry.value) ?? entry;
}
