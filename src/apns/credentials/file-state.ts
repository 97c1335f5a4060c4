import { statSync } from 'node:fs';

/**
 * Changes whenever one of the files is written, replaced or removed, appears, or comes to have other rights. One that
 * cannot be looked at has a state too.
 */
export function stateOfFiles(files: readonly string[]): string {
  return [...new Set(files)].map((file) => `${file} ${stateOf(file)}`).join('\n');
}

function stateOf(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  }
}
