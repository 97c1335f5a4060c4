import { connect } from 'node:net';
import { lineConnection, type LineConnection } from './cyrus-connection.ts';

/** The fate of the message for one recipient. */
export interface LmtpReply {
  recipient: string;
  code: number;
  text: string;
  /** Milliseconds from the end of the message (for a refused recipient: from its RCPT) to this reply. */
  tookMs: number;
}

interface Reply {
  code: number;
  text: string;
}

const REPLY_TIMEOUT_MS = 60_000;

/**
 * Delivers one message over LMTP (RFC 2033) on a loopback port and gives one reply per recipient, in their order:
 * that to RCPT where it was refused, else that to the message. Throws when the dialogue itself fails.
 */
export async function deliver(
  port: number,
  from: string,
  recipients: string[],
  message: string,
): Promise<LmtpReply[]> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const io = await lineConnection(socket, 'connect', REPLY_TIMEOUT_MS);
  try {
    expectCode(220, await readReply(io), 'greeting');
    expectCode(250, await send(io, 'LHLO localhost'), 'LHLO');
    expectCode(250, await send(io, `MAIL FROM:<${from}>`), 'MAIL');
    const replies = await sendMessage(io, await sendRecipients(io, recipients), message);
    expectCode(221, await send(io, 'QUIT'), 'QUIT');
    return replies;
  } finally {
    await io.close();
  }
}

async function sendRecipients(io: LineConnection, recipients: string[]): Promise<LmtpReply[]> {
  const replies: LmtpReply[] = [];
  for (const recipient of recipients) {
    const startMs = performance.now();
    const reply = await send(io, `RCPT TO:<${recipient}>`);
    replies.push({ recipient, ...reply, tookMs: performance.now() - startMs });
  }
  return replies;
}

async function sendMessage(
  io: LineConnection,
  recipients: LmtpReply[],
  message: string,
): Promise<LmtpReply[]> {
  if (!recipients.some(isAccepted)) return recipients;
  expectCode(354, await send(io, 'DATA'), 'DATA');
  io.write(dotStuffed(message));
  const startMs = performance.now();
  const fates: LmtpReply[] = [];
  for (const recipient of recipients) {
    if (!isAccepted(recipient)) fates.push(recipient);
    else fates.push({ ...recipient, ...(await readReply(io)), tookMs: performance.now() - startMs });
  }
  return fates;
}

function isAccepted({ code }: Reply): boolean {
  return code >= 200 && code < 300;
}

function send(io: LineConnection, line: string): Promise<Reply> {
  io.write(`${line}\r\n`);
  return readReply(io);
}

/** A reply of RFC 5321, section 4.2: all but its last line have a hyphen after the code. */
async function readReply(io: LineConnection): Promise<Reply> {
  const line = await io.readLine();
  if (/^\d{3}-/.test(line)) return readReply(io);
  const match = /^(\d{3})(?: (.*))?$/.exec(line);
  if (!match) throw new Error(`not an LMTP reply: ${line}`);
  return { code: Number(match[1]), text: match[2] ?? '' };
}

function expectCode(wanted: number, { code, text }: Reply, step: string): void {
  if (code !== wanted) throw new Error(`LMTP ${step}: expected ${wanted}, got ${code} ${text}`);
}

/** The message with CRLF line ends, doubled leading dots (RFC 5321, section 4.5.2) and the closing dot. */
function dotStuffed(message: string): string {
  const lines = message.replace(/\r?\n$/, '').split(/\r?\n/);
  return `${lines.map((line) => (line.startsWith('.') ? `.${line}` : line)).join('\r\n')}\r\n.\r\n`;
}
