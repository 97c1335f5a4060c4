import type { Config } from '../config/config.ts';
import { DEFAULT_CONFIG_FILE } from '../config/file.ts';
import { loadConfig } from '../config/load.ts';
import { OperatorError } from '../process/errors.ts';
import { type Point, ok, problem } from './point.ts';

export const CONFIGURATION = 'configuration';

/** The configuration, or a point for each thing that is wrong with it. */
export function checkConfiguration(
  file: string | undefined,
  environment: NodeJS.ProcessEnv,
): { config?: Config; points: Point[] } {
  try {
    const config = loadConfig(file, environment);
    return { config, points: [ok(CONFIGURATION, config.file ?? withoutFile())] };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const fix = error.hint;
    return { points: error.message.split('\n').map((line) => problem(CONFIGURATION, line, fix)) };
  }
}

function withoutFile(): string {
  return `there is no ${DEFAULT_CONFIG_FILE}: the defaults hold`;
}
