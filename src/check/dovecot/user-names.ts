import { type Point, ok, warning } from '../point.ts';
import type { Doveconf } from './doveconf-output.ts';
import { settingIn } from './setup.ts';

export const DOVECOT_NAMES = 'Dovecot user names';

/** `%{user | username | lower}` of 2.4, `%Ln` and `%n` of 2.3: the name without its domain. */
const WITHOUT_DOMAIN = /\|\s*username\b|%[A-Z]*n/;

/** Whether a delivery names the user as an IMAP session does, by which the device is known. Pure. */
export function judgeUserNames(doveconf: Doveconf, domain: 'keep' | 'strip'): Point {
  const [lmtp, imap] = ['lmtp', 'imap'].map(
    (protocol) => settingIn(doveconf, protocol, 'auth_username_format') ?? "Dovecot's own",
  ) as [string, string];
  if (domain === 'strip') return ok(DOVECOT_NAMES, 'without their domain, by users.domain: strip');
  if (WITHOUT_DOMAIN.test(lmtp) === WITHOUT_DOMAIN.test(imap))
    return ok(DOVECOT_NAMES, 'the same for delivery and IMAP');
  const [one, other] = WITHOUT_DOMAIN.test(lmtp) ? ['LMTP', 'IMAP'] : ['IMAP', 'LMTP'];
  return warning(
    DOVECOT_NAMES,
    `${one} takes the domain off user names (auth_username_format = ${one === 'LMTP' ? lmtp : imap}), and ${other} does not: where they have one, new mail finds no device`,
    `in protocol ${one.toLowerCase()}, take auth_username_format out (Debian 13: conf.d/20-lmtp.conf); or in the configuration of xapplepush: users: { domain: strip }`,
  );
}
