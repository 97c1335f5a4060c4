/** Exit codes of sysexits(3), by the meaning they have here, and that of `check`. */
export const ExitCode = {
  ok: 0,
  /** `check` has found a problem. */
  problem: 1,
  usage: 64,
  badInput: 65,
  unavailable: 69,
  tryAgain: 75,
  configuration: 78,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export interface OperatorErrorOptions {
  exitCode: ExitCode;
  /** What the operator can do about it, in one sentence. */
  hint: string;
  cause?: unknown;
}

/** An error that a person can act on: what is wrong (with value and expectation), the fix, the exit code. */
export class OperatorError extends Error {
  readonly exitCode: ExitCode;
  readonly hint: string;

  constructor(message: string, { exitCode, hint, cause }: OperatorErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'OperatorError';
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** The exit code for an error; an unforeseen one may be tried again. */
export function exitCodeOf(thrown: unknown): ExitCode {
  return thrown instanceof OperatorError ? thrown.exitCode : ExitCode.tryAgain;
}

/** The message of anything that was thrown, without a stack trace. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** True for what the file system throws where there is no such file or folder (errno(3), ENOENT). */
export function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}

/** Something to try again weighs more than input that is bad for ever. */
export function worstOf(codes: readonly ExitCode[]): ExitCode {
  const order = [ExitCode.configuration, ExitCode.tryAgain, ExitCode.unavailable, ExitCode.badInput];
  return order.find((code) => codes.includes(code)) ?? ExitCode.ok;
}
