/** The identity of a mailbox: whose it is and its name there. Two events speak of one mailbox if both are equal. */
export interface Mailbox {
  /** The owner's user name; '' for a shared mailbox, which nobody owns. */
  owner: string;
  /** UTF-8 name as the owner's client sees it, with the server's separators; INBOX always in capitals. */
  path: string;
}

export const INBOX = 'INBOX';

/** Is it somebody's INBOX (RFC 3501, 5.1)? */
export function isInbox(mailbox: Mailbox): boolean {
  return mailbox.owner !== '' && mailbox.path === INBOX;
}
