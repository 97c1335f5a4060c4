import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runDoveconf } from '../../../src/check/dovecot/run-doveconf.ts';
import { temporaryFolder } from '../../support/store.ts';

/** A PATH with a doveconf that does this. */
function doveconf(script: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'doveconf'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return `${folder}:/usr/bin:/bin`;
}

describe('doveconf -n', () => {
  test('is run without input, and nothing of the environment but PATH', () => {
    const run = runDoveconf(
      doveconf(
        'cat; printf "%s\\n" "$@"; env | sort | cut -d= -f1 | tr "\\n" " "; echo one >&2; echo two >&2; exit 89',
      ),
    );
    expect(run?.output).toMatch(/^-n\nLC_ALL PATH PWD /);
    expect(run?.complaints).toEqual(['one', 'two']);
    expect(run?.failure).toBeUndefined();
  });

  test('is not there on a host without Dovecot', () => {
    expect(runDoveconf(temporaryFolder())).toBeUndefined();
  });

  test('that hangs is ended', () => {
    const run = runDoveconf(doveconf('echo begun; exec sleep 60'), { timeoutMs: 300 });
    expect(run?.failure).toBe('does not end within 0.3 s');
  });

  test('that prints without end is ended', () => {
    const run = runDoveconf(doveconf('yes "a = b"'), { maxBytes: 100_000 });
    expect(run?.failure).toBe('prints more than 100000 bytes');
  });

  test('that cannot be executed says so', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'doveconf'), 'no program', { mode: 0o644 });
    expect(runDoveconf(folder)?.failure).toBe('cannot be started: EACCES');
  });
});
