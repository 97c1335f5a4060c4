import { statSync } from 'node:fs';

// stat(2): the permissions of the group and of others.
const GROUP_WRITE = 0o020;
const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;

/** The mode as chmod(1) takes it, such as 0640; undefined where the file cannot be seen. */
export function modeOf(file: string): string | undefined {
  const mode = permissions(file);
  return mode === undefined ? undefined : mode.toString(8).padStart(4, '0');
}

/** Who can read secrets, or replace the credential, without being meant to. */
export function modeWarnings(files: readonly string[], secretFiles: readonly string[]): string[] {
  return files.flatMap((file) => {
    const mode = permissions(file) ?? 0;
    const writers = (mode & OTHERS_WRITE) !== 0 ? 'everybody' : 'its group';
    const isSecret = secretFiles.includes(file);
    return [
      ...(isSecret && (mode & OTHERS_READ) !== 0
        ? [`everybody on this host can read ${file}, which holds a secret: chmod o= ${file}`]
        : []),
      ...((mode & (GROUP_WRITE | OTHERS_WRITE)) !== 0
        ? [`${writers} can write to ${file}: chmod go-w ${file}`]
        : []),
    ];
  });
}

function permissions(file: string): number | undefined {
  try {
    return statSync(file).mode & 0o7777;
  } catch {
    return undefined; // it cannot be read either, and that is told
  }
}
