import type { Config } from '../config/config.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';

/** Throws where the hosts share a PostgreSQL: there `serve` alone takes events from the spool and delivers. */
export function refuseBeside({ postgres }: Pick<Config, 'postgres'>, what: string): void {
  if (postgres === undefined) return;
  throw new OperatorError(`with the store at ${postgres.url} only serve delivers, and not ${what}`, {
    exitCode: ExitCode.configuration,
    hint: 'run xapplepush serve on each host; what waits for a later attempt: xapplepush outbox retry',
  });
}
