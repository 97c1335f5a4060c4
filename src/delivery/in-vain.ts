import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { allFilesOf } from '../apns/credentials/source.ts';
import { stateOfFiles } from '../apns/credentials/file-state.ts';
import type { Config } from '../config/config.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';

/** No event starts another deliverer for so long, unless a file of the credentials or the configuration changes. */
const PAUSE_MS = 5 * 60_000;

type Place = Pick<Config, 'apns' | 'control'>;

/**
 * Whether a deliverer would start in vain: the latest found no usable credential a moment ago, and nothing has changed
 * since. Else each mail would start one for as long as a certificate has expired.
 */
export function startsInVain(config: Place, nowMs: number): boolean {
  const note = statSync(pathOf(config), { throwIfNoEntry: false });
  return note !== undefined && Math.abs(nowMs - note.mtimeMs) < PAUSE_MS && wasTold(config);
}

/** Whether the log has been told of what is wrong now. */
export function wasTold(config: Place): boolean {
  try {
    return readFileSync(pathOf(config), 'utf8') === stateOf(config);
  } catch {
    return false; // to be told once more does no harm
  }
}

/** Notes beside the control socket that there is no usable credential, or that there is one. */
export function noteUsable(config: Place, isUsable: boolean, log: Log): void {
  const path = pathOf(config);
  try {
    if (isUsable) rmSync(path, { force: true });
    else writeFileSync(path, stateOf(config), { mode: 0o600 });
  } catch (error) {
    log.warn('each event starts a deliverer, although no credential can be used', {
      path,
      reason: messageOf(error),
    });
  }
}

function pathOf({ control }: Place): string {
  return `${control}.unusable`;
}

/** Names files and never what is in them. */
function stateOf({ apns }: Place): string {
  return `${JSON.stringify(apns)}\n${stateOfFiles(allFilesOf(apns))}\n`;
}
