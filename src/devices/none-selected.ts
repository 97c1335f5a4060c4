import { ExitCode, OperatorError } from '../process/errors.ts';

/** Nothing is what a person means (exit 65). */
export function noneSelected(): OperatorError {
  return new OperatorError('no target matches', {
    exitCode: ExitCode.badInput,
    hint: 'see what is there: xapplepush targets list',
  });
}
