import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { Owner } from '../process/hand-over.ts';
import { syncFolder } from '../process/sync-folder.ts';

/** Where an export goes to. */
export interface Output {
  /** Resolves when there is room for more. */
  write: (text: string) => Promise<void>;
  /** All is written: only now is it there under its name. */
  finish: () => void;
  /** Nothing shall remain. */
  abandon: () => void;
}

/**
 * A file that others see whole or not at all, with mode 0600; root may give it to somebody else. Throws OperatorError
 * (exit 65) where it cannot be.
 */
export function fileOutput(file: string, { replace, owner }: { replace: boolean; owner?: Owner }): Output {
  if (existsSync(file) && !replace) throw exists(file);
  const draft = `${file}.new-${randomBytes(6).toString('hex')}`;
  const fd = attempt(file, () => openSync(draft, 'wx', 0o600));
  if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  return {
    write: (text) =>
      new Promise((resolve) => {
        attempt(file, () => writeFileSync(fd, text));
        resolve();
      }),
    finish: () =>
      attempt(file, () => {
        fchmodSync(fd, 0o600); // whatever the umask took away
        fsyncSync(fd);
        close();
        putInPlace(draft, file, replace);
      }),
    abandon: () => {
      close();
      rmSync(draft, { force: true });
    },
  };
}

function putInPlace(draft: string, file: string, replace: boolean): void {
  if (replace) renameSync(draft, file);
  else {
    linkSync(draft, file); // fails where somebody was faster, which rename(2) would not
    rmSync(draft);
  }
  syncFolder(dirname(file));
}

/** A stream, at the pace of whoever reads it. Rejects with EPIPE where nobody does any more. */
export function streamOutput(stream: NodeJS.WritableStream): Output {
  stream.on('error', () => undefined); // the callback tells it too
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        stream.write(text, (error) => (error ? reject(error) : resolve()));
      }),
    finish: () => undefined,
    abandon: () => undefined,
  };
}

function attempt<T>(file: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(file);
    throw new OperatorError(`cannot write ${file}: ${messageOf(error)}`, {
      exitCode: ExitCode.badInput,
      hint: 'name a file in a folder that you can write to, or none for standard output',
      cause: error,
    });
  }
}

function exists(file: string): OperatorError {
  return new OperatorError(`there is already ${file}`, {
    exitCode: ExitCode.badInput,
    hint: 'add --force to replace it, or name another file',
  });
}
