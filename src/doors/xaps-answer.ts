/** Measured: with a body of 50 bytes or less, Dovecot's XAPS plugin aborts the IMAP process; with 200 it reads less. */
export const MIN_BYTES = 51;
const MAX_BYTES = 199;

/**
 * The body that makes the plugin tell this topic to the phone; undefined for a topic that cannot stand in its reply.
 * A topic that is too short for the plugin, such as com.apple.mobilemail.push.org.example, is filled up with NULs where
 * `pads` says so: they end its C string, so that the phone is told the topic alone.
 */
export function topicBody(topic: string, pads: boolean): string | undefined {
  const isQuotable = /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(topic); // RFC 3501, quoted, without what needs escapes
  if (!isQuotable || topic.length > MAX_BYTES) return undefined;
  return pads ? topic.padEnd(MIN_BYTES, '\0') : topic;
}

/** A reason as one line of ASCII without quotes, of a length that harms no version of the plugin. */
export function reasonBody(reason: string): string {
  const line = `xapplepush does not take this request of the XAPS plugin: ${reason}`;
  return line
    .replaceAll('"', "'")
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, MAX_BYTES);
}
