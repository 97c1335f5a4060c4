import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { ownFile } from '../../process/installation.ts';
import { type Point, ok, problem } from '../point.ts';
import type { MailUser } from '../../process/mail-user.ts';
import { obstacle } from '../trial.ts';
import type { LuaDriver } from './setup.ts';

export const DOVECOT_SCRIPT = 'Dovecot script';

/** push.lua writes into the spool, push-exec.lua runs the command; undefined for a script that is not ours. */
export function scriptOf({ file, spool, command }: LuaDriver): 'push.lua' | 'push-exec.lua' | undefined {
  const text = textOf(file);
  if (text?.includes('xapplepush_command') ?? command !== undefined) return 'push-exec.lua';
  if (text?.includes('xapplepush_spool') ?? spool !== undefined) return 'push.lua';
  const name = basename(file);
  return text === undefined && (name === 'push.lua' || name === 'push-exec.lua') ? name : undefined;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // told by the point of the script
  }
}

// stat(2): what the group and others may write.
const WRITTEN_BY_OTHERS = 0o022;

const OLD_WITHOUT = 'no push goes out';
const NEW_WITHOUT = 'Dovecot does not start without it, of which doveconf -n says nothing';

/** The script must be there for whoever delivers, and root's alone to change: LMTP runs parts of it as root. */
export function checkScript(
  { file }: LuaDriver,
  { name, user, old }: { name: string; user: MailUser | undefined; old: boolean },
): Point {
  const install = `install -o root -g root -m 0644 ${ownFile(`examples/dovecot/${name}`)} ${file}`;
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined)
    return problem(DOVECOT_SCRIPT, `there is no ${file}: ${old ? OLD_WITHOUT : NEW_WITHOUT}`, install);
  if (!found.isFile()) return problem(DOVECOT_SCRIPT, `${file} is no file`, install);
  if (found.uid !== 0 || (found.mode & WRITTEN_BY_OTHERS) !== 0)
    return problem(
      DOVECOT_SCRIPT,
      `others than root can change ${file}, and LMTP runs parts of it as root`,
      `chown root:root ${file} && chmod 0644 ${file}`,
    );
  const hindrance = user && obstacle(user, { kind: 'read', path: file });
  if (hindrance !== undefined) return problem(DOVECOT_SCRIPT, hindrance.text, `chmod 0644 ${file}`);
  return ok(DOVECOT_SCRIPT, file);
}
