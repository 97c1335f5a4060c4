import { readCompiled } from './compiled.ts';
import type { Config } from './config.ts';
import { configFileOf } from './file.ts';

/**
 * The configuration, as loadConfig has it: from its compiled form where that is current, since to load YAML and the
 * schema takes longer than an event. Throws ConfigError.
 */
export async function currentConfig(file: string | undefined, env: NodeJS.ProcessEnv): Promise<Config> {
  const compiled = readCompiled(configFileOf(file, env).path);
  if (compiled !== undefined) return compiled;
  const { loadConfig } = await import('./load.ts');
  return loadConfig(file, env);
}
