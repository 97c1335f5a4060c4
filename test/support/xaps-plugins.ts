/** What the phone comes to hear: a topic with OK, BAD, at which it asks again, or the end of its session. */
export type Told = { topic: string } | 'BAD' | 'crash';

/** What comes of an answer to /register, by the segments in which it came. */
type Reader = (segments: readonly Buffer[]) => Told;

/**
 * Dovecot's plugins that ask `serve.http` for the topic, each with the answers that it bears. They write their requests
 * alike, as those captured of the first.
 */
export const XAPS_PLUGINS = {
  'freswa 197d68e': freswa,
  'timlaing, an older state': olderTimlaing,
  'timlaing b295591': timlaing,
} satisfies Record<string, Reader>;

/** Measured with 2.3: it reads 200 bytes at most of what came with the headers, and aborts with 50 or less. */
function freswa(segments: readonly Buffer[]): Told {
  const { status } = answerIn(segments);
  if (!isSuccess(status)) return { topic: '(null)' };
  const { body } = answerIn(segments.slice(0, 1));
  return body.length <= 50 || body.length >= 200 ? 'crash' : { topic: cString(body) };
}

/** Measured with 2.4: any length, in one segment. */
function olderTimlaing(segments: readonly Buffer[]): Told {
  if (!isSuccess(answerIn(segments).status)) return 'BAD';
  const { body } = answerIn(segments);
  if (body.length === 0) return 'crash';
  return answerIn(segments.slice(0, 1)).body.length < body.length ? 'BAD' : { topic: cString(body) };
}

/** By its source: 1 to 1024 bytes, none of them a control character; NUL and DEL are some. */
function timlaing(segments: readonly Buffer[]): Told {
  const { status, body } = answerIn(segments);
  if (!isSuccess(status) || body.length === 0 || body.length > 1024) return 'BAD';
  return body.some((byte) => byte < 0x20 || byte === 0x7f) ? 'BAD' : { topic: body.toString('latin1') };
}

function isSuccess(status: number): boolean {
  return Math.floor(status / 100) === 2;
}

function cString(bytes: Buffer): string {
  return bytes.toString('latin1').split('\0')[0] ?? '';
}

function answerIn(segments: readonly Buffer[]): { status: number; body: Buffer } {
  const all = Buffer.concat(segments);
  const end = all.indexOf('\r\n\r\n');
  const [, status] = /^HTTP\/1\.1 (\d+) /.exec(all.toString('latin1')) ?? [];
  return { status: Number(status), body: all.subarray(end + 4) };
}
