import { readFileSync } from 'node:fs';
import { libpqEnvironment } from './environment.ts';

/**
 * What the service of that name says, as libpq looks for it (https://www.postgresql.org/docs/current/libpq-pgservice.html):
 * in the file that is named, else in the user's, then in the system's; or why there is none.
 */
export function serviceNamed(
  name: string,
  file: string | undefined,
): { values: Record<string, string> } | { problem: string } {
  const files = file === undefined ? libpqEnvironment().serviceFiles : [file];
  for (const each of files) {
    const values = valuesIn(each, name);
    if (values !== undefined) return { values };
  }
  return { problem: `there is no service ${JSON.stringify(name)} in ${files.join(' or ')}` };
}

/** Undefined where the file, or the section in it, is not there. Throws where it cannot be read. */
function valuesIn(file: string, name: string): Record<string, string> | undefined {
  const text = textOf(file);
  const lines = text?.split(/\r?\n/).map((line) => line.trim()) ?? [];
  const start = lines.indexOf(`[${name}]`);
  if (start === -1) return undefined;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith('['));
  const own = rest.slice(0, end === -1 ? rest.length : end).filter((line) => /^[^#=]+=/.test(line));
  return Object.fromEntries(
    own.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
