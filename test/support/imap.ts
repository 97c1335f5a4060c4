import { connect } from 'node:tls';
import { lineConnection, type LineConnection } from './cyrus-connection.ts';

export interface ImapEndpoint {
  imapsPort: number;
  caPem: string;
}

export interface ImapReply {
  status: 'OK' | 'NO' | 'BAD';
  /** What follows the status in the tagged line. */
  text: string;
  /** The untagged lines; one with literals is kept as one string. */
  lines: string[];
}

export interface DeviceRegistration {
  accountId: string;
  /** Hexadecimal. */
  deviceToken: string;
  subtopic: string;
  /** As the client names them, in modified UTF-7. */
  mailboxes: string[];
  version: number;
}

export interface RegistrationReply extends ImapReply {
  /** The mailboxes that the server echoes, in its order; version 1 echoes none. */
  mailboxes: string[];
  topic: string | undefined;
}

export interface ImapClient {
  greeting: string;
  /** Sends one command without its tag; `literal` is sent after it as a LITERAL+ (RFC 7888), as APPEND needs. */
  command(text: string, literal?: string): Promise<ImapReply>;
  /**
   * Sends commands without their tags in one write, as far as that goes: behind a literal that is waited for, `{n}` and
   * a line break, the rest is sent when the server asks for it. Gives the replies in the order of the commands.
   */
  pipeline(commands: readonly string[]): Promise<ImapReply[]>;
  login(user: string, password: string): Promise<ImapReply>;
  /** XAPPLEPUSHSERVICE with every key and value quoted, as iOS sends it. */
  registerDevice(registration: DeviceRegistration): Promise<RegistrationReply>;
  close(): Promise<void>;
}

/** Longer than any test lets Cyrus wait for a handler, shorter than the time limit of a test. */
const REPLY_TIMEOUT_MS = 25_000;

/** Connects over TLS to a loopback port and reads the greeting; `timeoutMs` bounds every wait for the server. */
export async function connectImap(
  { imapsPort, caPem }: ImapEndpoint,
  timeoutMs = REPLY_TIMEOUT_MS,
): Promise<ImapClient> {
  const socket = connect({ host: '127.0.0.1', port: imapsPort, ca: caPem, servername: 'localhost' });
  const connection = await lineConnection(socket, 'secureConnect', timeoutMs);
  const greeting = await readResponse(connection);
  let tags = 0;
  const command = (text: string, literal?: string) => exchange(connection, `a${++tags}`, text, literal);
  return {
    greeting,
    command,
    pipeline: (commands) =>
      exchangeAll(
        connection,
        commands.map((text) => [`a${++tags}`, text]),
      ),
    login: (user, password) => command(`LOGIN ${quoted(user)} ${quoted(password)}`),
    registerDevice: async (registration) =>
      readRegistration(await command(registrationCommand(registration))),
    close: () => connection.close(),
  };
}

/** Connects and logs in; throws when the server refuses. */
export async function loginImap(
  endpoint: ImapEndpoint,
  user: string,
  password = 'secret',
): Promise<ImapClient> {
  const client = await connectImap(endpoint);
  const reply = await client.login(user, password);
  if (reply.status === 'OK') return client;
  await client.close();
  throw new Error(`LOGIN of ${user}: ${reply.status} ${reply.text}`);
}

/** An IMAP quoted string (RFC 3501, section 4.3). */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

async function exchange(io: LineConnection, tag: string, text: string, literal?: string): Promise<ImapReply> {
  const body = literal === undefined ? '' : ` {${Buffer.byteLength(literal)}+}\r\n${literal}`;
  io.write(`${tag} ${text}${body}\r\n`);
  const lines: string[] = [];
  for (;;) {
    const line = await readResponse(io);
    const tagged = line.startsWith(`${tag} `) ? /^\S+ (OK|NO|BAD) ?(.*)$/s.exec(line) : null;
    if (tagged) return { status: tagged[1] as ImapReply['status'], text: tagged[2] ?? '', lines };
    lines.push(line);
  }
}

async function exchangeAll(
  io: LineConnection,
  commands: [tag: string, text: string][],
): Promise<ImapReply[]> {
  const all = commands.map(([tag, text]) => `${tag} ${text}\r\n`).join('');
  const [first = '', ...others] = all.split(/(?<=\{\d+\}\r\n)/);
  const replies = new Map<string, ImapReply>();
  io.write(first);
  for (let lines: string[] = []; replies.size < commands.length;) {
    const line = await readResponse(io);
    const tagged = /^(a\d+) (OK|NO|BAD) ?(.*)$/s.exec(line);
    if (tagged) {
      replies.set(tagged[1] ?? '', {
        status: tagged[2] as ImapReply['status'],
        text: tagged[3] ?? '',
        lines,
      });
      lines = [];
    } else if (line.startsWith('+')) io.write(others.shift() ?? '');
    else lines.push(line);
  }
  return commands.map(([tag]) => replies.get(tag) ?? { status: 'BAD', text: 'no reply', lines: [] });
}

/** One response: a line, and where it ends in {n}, the literal and the line that goes on behind it. */
async function readResponse(io: LineConnection): Promise<string> {
  const line = await io.readLine();
  const size = /\{(\d+)\}$/.exec(line)?.[1];
  if (size === undefined) return line;
  const literal = (await io.readBytes(Number(size))).toString('utf8');
  return `${line}\r\n${literal}${await readResponse(io)}`;
}

function registrationCommand({
  accountId,
  deviceToken,
  subtopic,
  mailboxes,
  version,
}: DeviceRegistration): string {
  const values = [
    ['aps-version', String(version)],
    ['aps-account-id', accountId],
    ['aps-device-token', deviceToken],
    ['aps-subtopic', subtopic],
  ];
  const list = `"mailboxes" (${mailboxes.map(quoted).join(' ')})`;
  return `XAPPLEPUSHSERVICE ${values.flat().map(quoted).join(' ')} ${list}`;
}

function readRegistration(reply: ImapReply): RegistrationReply {
  const pairs = reply.lines
    .filter((line) => line.startsWith('* XAPPLEPUSHSERVICE '))
    .flatMap((line) => keysAndValues(line));
  return {
    ...reply,
    mailboxes: pairs.filter(([key]) => key === 'mailbox').map(([, value]) => value),
    topic: pairs.find(([key]) => key === 'aps-topic')?.[1],
  };
}

function keysAndValues(line: string): [string, string][] {
  const strings = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) =>
    (match[1] ?? '').replace(/\\(.)/g, '$1'),
  );
  return strings.flatMap((key, index) => (index % 2 === 0 ? [[key, strings[index + 1] ?? '']] : []));
}
