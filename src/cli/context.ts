import type { Config } from '../config/config.ts';
import { currentConfig } from '../config/current.ts';
import type { ExitCode } from '../process/errors.ts';
import { createLog, type Log } from '../process/log.ts';
import type { Surroundings } from '../process/surroundings.ts';
import { fitted } from '../terminal/columns.ts';
import { layoutFor } from '../terminal/layout.ts';
import { createOutput, type Output } from '../terminal/output.ts';

/** What subcommands share. */
export interface CommandContext {
  around: Surroundings;
  /** The configuration and its log, as the user who owns the database. */
  settings: () => Promise<{ config: Config; log: Log }>;
  out: (text: string) => void;
  /** The same for sentences, which on a terminal are folded. */
  say: (text: string) => void;
  /** Aborts when nobody reads standard output any more. */
  readerGone: AbortSignal;
  /** Resolves when the output is written. Throws OperatorError where it cannot be. */
  finish: Output['finish'];
  exit: (code: ExitCode) => void;
  /** The log of the configuration, once it is known: errors go there too, since a timer's are seen nowhere else. */
  log: Log | undefined;
}

/** A context for a command line whose `--config` is what `configFile` gives once it is parsed. */
export function createContext(
  around: Surroundings,
  configFile: () => string | undefined,
  exit: CommandContext['exit'],
): CommandContext {
  const output = createOutput(around.stdout);
  const context: CommandContext = {
    around,
    settings: async () => {
      const config = await currentConfig(configFile(), around.env);
      around.actAsOwnerOf(config.store, config.file);
      const log = createLog({ ...config.log, tell: around.tell });
      context.log = log;
      return { config, log };
    },
    out: output.write,
    say: (text) => output.write(fitted(text, layoutFor(around).columns)),
    readerGone: output.readerGone,
    finish: output.finish,
    exit,
    log: undefined,
  };
  return context;
}
