import { resolve } from 'node:path';

export const DEFAULT_CONFIG_FILE = '/etc/xapplepush/config.yaml';

export interface ConfigFile {
  /** Absolute, because it is handed to processes that run in another directory. */
  path: string;
  /** True for the default file, which may be missing: then the defaults hold. */
  isDefault: boolean;
}

/** The file that `--config` names, else the one of XAPPLEPUSH_CONFIG, else the default one. */
export function configFileOf(
  option: string | undefined,
  env: NodeJS.ProcessEnv,
  defaultFile = DEFAULT_CONFIG_FILE,
): ConfigFile {
  const named = option ?? (env['XAPPLEPUSH_CONFIG'] || undefined);
  return { path: resolve(named ?? defaultFile), isDefault: named === undefined };
}
