import type { IncomingHttpHeaders } from 'node:http';
import { asciiLowerCase } from '../process/ascii-case.ts';
import { isLoopback, type Place } from './http-address.ts';
import { type Answer, text } from './http-answer.ts';

/**
 * Gives the refusal of a request that a web page may have made a browser send; undefined for any other, and where a
 * person has followed a link to what is only looked at.
 */
export type ForeignGate = (headers: IncomingHttpHeaders, isLookedAt?: boolean) => Answer | undefined;

/** Names of the loopback in /etc/hosts that can belong to nobody else (RFC 6761, 6.3; RFC 6762, appendix G). */
const LOOPBACK_NAMES = ['localhost', 'localhost.localdomain', 'ip6-localhost', 'ip6-loopback'];

/** The values of Sec-Fetch-Site that say: a person typed the address, or the page is our own (Fetch Metadata, 2.4). */
const OWN_SITES = [undefined, 'none', 'same-origin'];

/**
 * What marks requests of web pages: an Origin, a Sec-Fetch-Site that is not our own, and on the loopback without a
 * password a name of somebody else's in Host, which had this address only in the browser's eyes (DNS rebinding). A
 * page has no password, and cannot reach a Unix socket.
 */
export function createForeignGate(place: Place, hasPassword: boolean): ForeignGate {
  const checksHost = 'host' in place && !hasPassword;
  return (headers, isLookedAt = false) => {
    const { origin, host, 'sec-fetch-site': site } = headers;
    const isOwn = OWN_SITES.includes(site?.toString()) || (isLookedAt && isFollowed(headers));
    if (origin !== undefined || !isOwn) return FROM_A_PAGE;
    return checksHost && host !== undefined && !isOwnHost(host) ? FOREIGN_HOST : undefined;
  };
}

/** It fills the window, and the page with the link hears nothing of it (Fetch Metadata, 2.1 and 2.2). */
function isFollowed({ 'sec-fetch-mode': mode, 'sec-fetch-dest': destination }: IncomingHttpHeaders): boolean {
  return mode === 'navigate' && destination === 'document';
}

/** HTTP/1.0 has no Host; no browser speaks it. */
function isOwnHost(host: string): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host) ?? [];
  const name = asciiLowerCase(bracketed ?? plain ?? '');
  return LOOPBACK_NAMES.includes(name) || isLoopback(name);
}

// The XAPS plugin bears one line of 51 to 199 bytes, without quotes (xaps-answer.ts).
const FROM_A_PAGE = text(
  403,
  'requests of web pages are refused: expected none with Origin or with Sec-Fetch-Site of another site',
);

const FOREIGN_HOST = text(
  403,
  'another host name than localhost or a loopback address in Host: correct the URL, or set serve.http_password_file',
);

/** Those that a page cannot send without asking first (Fetch, CORS-safelisted), one event or one a line. */
const BODY_TYPES = ['application/json', 'application/x-ndjson', 'application/jsonl'];

/** Gives the refusal of a body of another type than clients of ours send; undefined where it is one of those. */
export function typeRefusal(contentType = ''): Answer | undefined {
  const [type = ''] = contentType.split(';', 1);
  return BODY_TYPES.includes(asciiLowerCase(type.trim())) ? undefined : WRONG_TYPE;
}

const WRONG_TYPE = text(
  415,
  'expected the header Content-Type: application/json, as Dovecot sends it, for every request that has a body',
);
