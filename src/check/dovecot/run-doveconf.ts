import { spawnSync } from 'node:child_process';
import { USUAL_PATH } from '../../process/mail-user.ts';

/** What came of `doveconf -n`. */
export interface DoveconfRun {
  output: string;
  /** What it says on standard error, a line each. */
  complaints: readonly string[];
  /** Why it came to no end of its own. */
  failure?: string;
}

/** Undefined where there is no Dovecot. */
export type RunDoveconf = () => DoveconfRun | undefined;

/** A tenth of a second is usual; a larger configuration has some thousand lines. */
const TIMEOUT_MS = 10_000;
const OUTPUT_MAX_BYTES = 4 * 1024 * 1024;

/** Runs the doveconf that PATH has, or that lies where Debian puts it. */
export function runDoveconf(
  path = `${process.env['PATH'] ?? ''}:${USUAL_PATH}`,
  { timeoutMs = TIMEOUT_MS, maxBytes = OUTPUT_MAX_BYTES } = {},
): DoveconfRun | undefined {
  const { error, stdout, stderr } = spawnSync('doveconf', ['-n'], {
    ...{ cwd: '/', env: { PATH: path, LC_ALL: 'C' }, encoding: 'utf8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...{ timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: maxBytes },
  });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOENT') return undefined;
  if (error !== undefined)
    return { output: '', complaints: [], failure: failureOf(code, { timeoutMs, maxBytes }) };
  return { output: stdout, complaints: stderr.split('\n').filter((line) => line !== '') };
}

function failureOf(code: string | undefined, limits: { timeoutMs: number; maxBytes: number }): string {
  if (code === 'ETIMEDOUT') return `does not end within ${limits.timeoutMs / 1000} s`;
  if (code === 'ENOBUFS') return `prints more than ${limits.maxBytes} bytes`;
  return `cannot be started: ${code ?? 'for a reason unknown'}`;
}
