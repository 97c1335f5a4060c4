/** The internal name of a user's mailbox in Cyrus, with either separator. */
const OF_USER = /^user([./])(.+)$/;

/** What a person means who gives Cyrus's internal name of a mailbox; undefined for another name. Pure. */
export function meantBy(name: string): { user: string; mailbox: string | undefined } | undefined {
  const [, separator = '', rest = ''] = OF_USER.exec(name) ?? [];
  const [user = '', ...parts] = separator === '' ? [] : rest.split(separator);
  if (user === '') return undefined;
  // With dots between mailboxes, a dot in a user's name is a caret (imapd.conf(5), unixhierarchysep).
  const named = separator === '.' ? user.replaceAll('^', '.') : user;
  return { user: named, mailbox: parts.length > 0 ? parts.join('/') : undefined };
}
