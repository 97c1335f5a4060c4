import * as v from 'valibot';
import { textWith } from './kinds.ts';

const SECURE = 'https://host/path, or http:// to an address of the loopback';

/** A service that this host calls. Problems do not show the value: a secret may stand in it. */
export const serviceUrl = v.pipe(
  textWith(() => `expected ${SECURE}, without name and password`, isSecure),
  v.transform((value) => new URL(value).href),
  v.description(SECURE),
);

/** No fragment, which is never sent. */
function isSecure(value: string): boolean {
  if (!/^https?:\/\/[^\s#]+$/.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  return username + password === '' && (protocol === 'https:' || LOOPBACK.test(hostname));
}

/** As a URL has it, which knows one form of an address. A name may come to mean anything, but for `localhost` (RFC 6761, 6.3). */
const LOOPBACK = /^(?:127(?:\.\d+){3}|\[::1\]|localhost)$/;

const CONTACT = 'mailto: and an address of mail, or an https:// URL';

/** Whom a push service can ask about us (RFC 8292, 2.1). */
export const contact = v.pipe(
  textWith(() => `expected ${CONTACT}`, isContact),
  v.description(CONTACT),
);

function isContact(value: string): boolean {
  return (
    /^mailto:[^\s@<>?]+@[^\s@<>?]+$/.test(value) || (/^https:\/\/[^\s@]+$/.test(value) && URL.canParse(value))
  );
}
