import type { Doveconf } from './doveconf-output.ts';
import { isOld, sectionsOf } from './setup.ts';

/** What import_environment sets a variable to, by which our plugin is set: in 2.3 words, in 2.4 a block. */
export function variable({ root }: Doveconf, name: string): string | undefined {
  const words = root.settings.get('import_environment')?.split(/\s+/) ?? [];
  const [word] = words.filter((each) => each.startsWith(`${name}=`)).slice(-1);
  const [block] = sectionsOf(root, 'import_environment').flatMap(({ settings }) => settings.get(name) ?? []);
  return word?.slice(name.length + 1) ?? block;
}

/** The line that sets it so. */
export function lineOf(doveconf: Doveconf, name: string, value: string): string {
  return `in import_environment: ${name}${isOld(doveconf) ? '=' : ' = '}${value}`;
}
