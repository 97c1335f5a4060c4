import { statSync } from 'node:fs';

// stat(2): the permissions of the group and of others.
const GROUP_READ = 0o040;
const GROUP_WRITE = 0o020;
const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const OTHERS = 0o007;

/** A right to a file that nobody should have, and the command that takes it away. */
export interface Opening {
  text: string;
  fix: string;
}

/** Who has to read the file all the same. */
export interface Reader {
  uid: number;
  gid: number;
  /** Their group, as chgrp(1) takes it. */
  group: string;
}

/** The mode as chmod(1) takes it, such as 0640; undefined where the file cannot be seen. */
export function modeOf(file: string): string | undefined {
  const mode = statSafely(file)?.mode;
  return mode === undefined ? undefined : octal(mode);
}

/** The files whose secret others can read, or which others can replace, each with the fix. */
export function modeWarnings(files: readonly string[], secretFiles: readonly string[]): string[] {
  return files.flatMap((file) =>
    openingsOf(file, { isSecret: secretFiles.includes(file) }).map(({ text, fix }) => `${text}: ${fix}`),
  );
}

/** All openings of a file have one fix: the mode that it should have. None where the file cannot be seen. */
export function openingsOf(
  file: string,
  { isSecret, reader }: { isSecret: boolean; reader?: Reader | undefined },
): Opening[] {
  const found = statSafely(file);
  if (found === undefined) return [];
  const { mode } = found;
  const writers = (mode & OTHERS_WRITE) !== 0 ? 'everybody' : 'its group';
  const texts = [
    ...(isSecret && (mode & OTHERS_READ) !== 0
      ? [`everybody on this host can read ${file}, which holds a secret`]
      : []),
    ...((mode & (GROUP_WRITE | OTHERS_WRITE)) !== 0 ? [`${writers} can write to ${file}`] : []),
  ];
  const fix = fixOf(file, found, isSecret, reader);
  return texts.map((text) => ({ text, fix }));
}

interface Found {
  mode: number;
  uid: number;
  gid: number;
}

/** Closes it to everybody else, and keeps it open to the reader. */
function fixOf(
  file: string,
  { mode, uid, gid }: Found,
  isSecret: boolean,
  reader: Reader | undefined,
): string {
  const closed = mode & ~(GROUP_WRITE | OTHERS_WRITE) & (isSecret ? ~OTHERS : ~0);
  if (!isSecret || reader === undefined || reader.uid === uid) return `chmod ${octal(closed)} ${file}`;
  const chgrp = reader.gid === gid ? '' : `chgrp ${reader.group} ${file} && `;
  return `${chgrp}chmod ${octal(closed | GROUP_READ)} ${file}`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function statSafely(file: string): Found | undefined {
  try {
    const { mode, uid, gid } = statSync(file);
    return { mode: mode & 0o7777, uid, gid };
  } catch {
    return undefined; // it cannot be read either, and that is told
  }
}
