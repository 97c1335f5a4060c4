import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Point, ok, problem } from '../point.ts';
import { asOwner, type MailUser } from '../../process/mail-user.ts';
import { obstacles } from '../trial.ts';
import type { MailOwner } from './mail-owner.ts';

export const DOVECOT_SPOOL = 'Dovecot spool';

/** What push.lua takes where nothing names it. */
const DEFAULT_SPOOL = '/var/spool/xapplepush';

export interface SpoolOptions {
  /** What push.lua was told; undefined for its own default. */
  named: string | undefined;
  /** `spool` of the configuration. */
  read: string;
  owner: MailOwner;
  /** Who that is, if it is one user of this system. */
  mailUser: MailUser | undefined;
  /** Who reads: the owner of the database's folder. */
  reader: MailUser | undefined;
  /** How the setting is written in this version of Dovecot. */
  setting: string;
}

/** Whether what push.lua writes lands where xapplepush reads, and can be written and read there. */
export function checkDovecotSpool(options: SpoolOptions): Point {
  const { named = DEFAULT_SPOOL, read, owner, mailUser, setting } = options;
  if (named !== read)
    return problem(
      DOVECOT_SPOOL,
      `push.lua writes into ${named}, and xapplepush reads ${read}`,
      `${setting} = ${read}; or in the configuration of xapplepush: spool: ${named}`,
    );
  if (owner.kind === 'each') return checkForEach(read);
  if (owner.kind === 'unknown')
    return ok(DOVECOT_SPOOL, `${read}, not tried: whose mail it is, doveconf does not tell (${owner.why})`);
  if (mailUser === undefined)
    return problem(
      DOVECOT_SPOOL,
      `there is no user ${owner.user}, to whom all mail belongs`,
      `useradd --system --no-create-home --shell /usr/sbin/nologin ${owner.user}`,
    );
  return checkForOne(options, mailUser);
}

/** push.lua writes a draft into tmp and renames it into new. */
const FOLDERS = ['tmp', 'new'];

function checkForOne({ read, reader }: SpoolOptions, mailUser: MailUser): Point {
  const folders = FOLDERS.map((name) => join(read, name));
  const [found] = obstacles(
    mailUser,
    folders.map((path) => ({ kind: 'fill', path })),
  );
  if (found !== undefined)
    return problem(
      DOVECOT_SPOOL,
      `${found.text}: no push goes out`,
      `install -d -m 0700 ${asOwner(mailUser)} ${[read, ...folders].join(' ')}`,
    );
  if (reader !== undefined && reader.uid !== mailUser.uid)
    return problem(
      DOVECOT_SPOOL,
      `${mailUser.called} writes files there that nobody else can read, and xapplepush reads as ${reader.called}`,
      "let the database's folder belong to the user of the mail, and what lies in it",
    );
  return ok(DOVECOT_SPOOL, `${mailUser.called} can write into ${read}`);
}

// stat(2): what others may do to a folder in order to put files there.
const OTHERS_FILL = 0o003;

function checkForEach(spool: string): Point {
  const open = FOLDERS.every((name) => {
    const mode = statSync(join(spool, name), { throwIfNoEntry: false })?.mode ?? 0;
    return (mode & OTHERS_FILL) === OTHERS_FILL;
  });
  if (open) return ok(DOVECOT_SPOOL, `everybody can write into ${spool}`);
  return problem(
    DOVECOT_SPOOL,
    `each user has mail as themselves (userdb passwd), and they cannot write into ${spool}: no push goes out`,
    'give all mail to one user (mail_uid, and a userdb other than passwd): more is not supported',
  );
}
