import { callsHandle, delivererArguments, parseHandleArguments } from './cli/handle-arguments.ts';
import type { Config } from './config/config.ts';
import { currentConfig } from './config/current.ts';
import { ExitCode, exitCodeOf, OperatorError } from './process/errors.ts';
import { readStandardInput } from './events/read.ts';
import { endedInstead, HandedOver } from './process/hand-over.ts';
import { handle, handleWithoutConfig } from './handle.ts';
import { VERSION } from './installation.ts';
import { actAsOwnerOf } from './process/identity.ts';
import { createLog } from './process/log.ts';
import { reportError } from './process/report.ts';

/** Where events go while the configuration cannot be read; the default of `spool`. */
const DEFAULT_SPOOL = '/var/spool/xapplepush';

async function main(argv: readonly string[]): Promise<ExitCode> {
  if (callsHandle(argv)) return handleStandardInput(argv);
  const deliverer = delivererArguments(argv);
  if (deliverer !== undefined) {
    const { runAsDeliverer } = await import('./delivery/background.ts');
    return runAsDeliverer(deliverer.config);
  }
  if (asksForVersion(argv)) {
    process.stdout.write(`${VERSION}\n`);
    return ExitCode.ok;
  }
  const { runCommand } = await import('./cli/run.ts');
  return runCommand(argv);
}

/** Alone: what else stands beside it is for the commands to understand. */
function asksForVersion([option, ...rest]: readonly string[]): boolean {
  return rest.length === 0 && (option === '--version' || option === '-V');
}

async function handleStandardInput(argv: readonly string[]): Promise<ExitCode> {
  const options = parseHandleArguments(argv);
  // MAIL and SIEVE are notifications for people; their input is no event.
  if (options.class !== undefined && options.class !== '' && options.class !== 'EVENT') return ExitCode.ok;
  const input = readStandardInput();
  const config = await configOrError(options.config);
  if (config instanceof OperatorError) {
    const spool = process.env['XAPPLEPUSH_SPOOL'] ?? DEFAULT_SPOOL;
    return handleWithoutConfig(config, input, spool);
  }
  actAsOwnerOf(config.store);
  return handle({ config, log: createLog(config.log), input, wait: options.wait });
}

async function configOrError(file: string | undefined): Promise<Config | OperatorError> {
  try {
    return await currentConfig(file, process.env);
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
}

const argv = process.argv.slice(2);

main(argv)
  .catch((error: unknown) => {
    if (error instanceof HandedOver) return endedInstead(error);
    throw error;
  })
  .then(
    (exitCode) => {
      process.exitCode = exitCode;
      // To go through the event loop once more and to take everything down takes longer, and the mail server waits.
      if (callsHandle(argv)) process.exit();
    },
    (error: unknown) => {
      reportError(error);
      process.exitCode = exitCodeOf(error);
    },
  );
