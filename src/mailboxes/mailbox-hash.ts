import { createHash } from 'node:crypto'; // which no event needs that registers nothing: it takes milliseconds to load

/**
 * How Mail names a mailbox in `m`: MD5, in lower-case hex, of the UTF-8 bytes of the name that the IMAP server
 * echoed, decoded from modified UTF-7, whole path, case kept.
 */
export function mailboxHash(decodedName: string): string {
  return createHash('md5').update(decodedName, 'utf8').digest('hex');
}
