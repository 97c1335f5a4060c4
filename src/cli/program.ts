import { asksForVersion, callsHandle, delivererArguments, parseHandleArguments } from './handle-arguments.ts';
import type { Config } from '../config/config.ts';
import { currentConfig } from '../config/current.ts';
import { handle, handleWithoutConfig } from '../handle.ts';
import { ExitCode, exitCodeOf, OperatorError } from '../process/errors.ts';
import { VERSION } from '../process/installation.ts';
import { endedInstead, HandedOver } from '../process/hand-over.ts';
import { createLog } from '../process/log.ts';
import { reportError } from '../process/report.ts';
import type { EventSurroundings, Surroundings } from '../process/surroundings.ts';

/** Where events go while the configuration cannot be read; the default of `spool`. */
const DEFAULT_SPOOL = '/var/spool/xapplepush';

/** Does what the program is called for with these arguments; gives its exit code. Commands need more around them. */
export async function run(
  argv: readonly string[],
  around: EventSurroundings,
  forCommands: () => Promise<Surroundings>,
): Promise<ExitCode> {
  try {
    return await act(argv, around, forCommands).catch((error: unknown) => {
      if (error instanceof HandedOver) return endedInstead(error);
      throw error;
    });
  } catch (error) {
    reportError(error, around);
    return exitCodeOf(error);
  }
}

async function act(...[argv, around, forCommands]: Parameters<typeof run>): Promise<ExitCode> {
  if (callsHandle(argv)) return handleStandardInput(argv, around);
  const deliverer = delivererArguments(argv);
  if (deliverer !== undefined) {
    const { runAsDeliverer } = await import('../delivery/background.ts');
    return runAsDeliverer(deliverer.config, await forCommands());
  }
  if (asksForVersion(argv)) {
    (await forCommands()).stdout.write(`${VERSION}\n`);
    return ExitCode.ok;
  }
  const { runCommand } = await import('./run.ts');
  return runCommand(argv, await forCommands());
}

async function handleStandardInput(argv: readonly string[], around: EventSurroundings): Promise<ExitCode> {
  const options = parseHandleArguments(argv);
  // MAIL and SIEVE are notifications for people; their input is no event.
  if (options.class !== undefined && options.class !== '' && options.class !== 'EVENT') return ExitCode.ok;
  const { clock, env, tell } = around;
  const input = around.input();
  const config = await configOrError(options.config, env);
  if (config instanceof OperatorError)
    return handleWithoutConfig(config, {
      input,
      clock,
      tell,
      spool: env['XAPPLEPUSH_SPOOL'] ?? DEFAULT_SPOOL,
    });
  around.actAsOwnerOf(config.store, config.file);
  return handle({ config, log: createLog({ ...config.log, tell }), clock, input, wait: options.wait });
}

async function configOrError(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Config | OperatorError> {
  try {
    return await currentConfig(file, env);
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
}
