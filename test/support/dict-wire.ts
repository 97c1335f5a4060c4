import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../fixtures/dict/', import.meta.url);
export const CAPTURES = readdirSync(folder);

export interface Said {
  by: 'client' | 'server';
  bytes: Buffer;
}

/** What a real Dovecot and a dict server said to each other, a list for each connection. What is cut off is left out. */
export function conversations(name: string): Said[][] {
  const connections = readFileSync(new URL(name, folder), 'utf8').split('--- connect\n').slice(1);
  return connections.map((text) =>
    [...text.matchAll(/^(C>S|S>C) '(.*)'$/gm)].map(([, who, shown = '']) => ({
      by: who === 'C>S' ? 'client' : 'server',
      bytes: Buffer.from(unquoted(shown), 'latin1'),
    })),
  );
}

/** Python's notation of bytes. */
function unquoted(text: string): string {
  return text.replace(/\\(x[0-9a-f]{2}|.)/g, (_, what: string) => {
    if (what.startsWith('x')) return String.fromCharCode(parseInt(what.slice(1), 16));
    return { t: '\t', n: '\n', r: '\r' }[what] ?? what;
  });
}
