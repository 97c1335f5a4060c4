import { isStorableText } from './storable-text.ts';

const CONTROL = /[\0-\x1f\x7f]/;
const SHIFTED = /(&[^-]*-?)/;
/** RFC 3501, 5.1.3: no shift out and straight in again; `&-` is no shift. */
const SUPERFLUOUS_SHIFT = /&[^-&]+-&[^-]/;
const PRINTABLE_ASCII = /[\x20-\x7e]/;
const NEEDS_ENCODING = /&|[^\x20-\x7e]+/g;

/**
 * Decodes a mailbox name from modified UTF-7 (RFC 3501, 5.1.3); undefined when it is not valid.
 * Raw characters beyond ASCII stand for themselves, since some clients type UTF-8 (RFC 6855).
 */
export function decodeModifiedUtf7(name: string): string | undefined {
  if (CONTROL.test(name) || SUPERFLUOUS_SHIFT.test(name) || !isStorableText(name)) return undefined;
  const pieces = name.split(SHIFTED).map((piece) => (piece.startsWith('&') ? decodeShifted(piece) : piece));
  return pieces.includes(undefined) ? undefined : pieces.join('');
}

/** Encodes a mailbox name, free of lone surrogates, in modified UTF-7 (RFC 3501, 5.1.3). */
export function encodeModifiedUtf7(name: string): string {
  return name.replace(NEEDS_ENCODING, (run) => (run === '&' ? '&-' : `&${toBase64(run)}-`));
}

/** Decodes `&…-`. */
function decodeShifted(shifted: string): string | undefined {
  if (shifted === '&-') return '&';
  if (!shifted.endsWith('-')) return undefined;
  const base64 = shifted.slice(1, -1);
  const bytes = Buffer.from(base64.replaceAll(',', '/'), 'base64');
  if (bytes.length === 0 || bytes.length % 2 !== 0) return undefined;
  const text = bytes.swap16().toString('utf16le');
  // Encoding again finds stray characters and padding bits that are not zero.
  const canonical = toBase64(text) === base64 && isStorableText(text) && !PRINTABLE_ASCII.test(text);
  return canonical ? text : undefined;
}

function toBase64(text: string): string {
  const utf16be = Buffer.from(text, 'utf16le').swap16();
  return utf16be.toString('base64').replace(/=+$/, '').replaceAll('/', ',');
}
