import { once } from 'node:events';
import type { Socket } from 'node:net';

/** A connection that is read line by line, as IMAP and LMTP are. */
export interface LineConnection {
  /** The next line without its CRLF; rejects when the peer closes or stays silent for too long. */
  readLine(): Promise<string>;
  readBytes(count: number): Promise<Buffer>;
  write(data: string | Buffer): void;
  close(): Promise<void>;
}

/** Waits until a socket is connected; `timeoutMs` bounds this and every later wait for the peer. */
export async function lineConnection(
  socket: Socket,
  connected: 'connect' | 'secureConnect',
  timeoutMs: number,
): Promise<LineConnection> {
  try {
    await once(socket, connected, { signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return linesOf(socket, timeoutMs);
}

function linesOf(socket: Socket, timeoutMs: number): LineConnection {
  const chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  let buffered: Buffer = Buffer.alloc(0);

  async function take(lengthOf: (data: Buffer) => number | undefined): Promise<Buffer> {
    for (;;) {
      const length = lengthOf(buffered);
      if (length !== undefined) {
        const taken = buffered.subarray(0, length);
        buffered = buffered.subarray(length);
        return taken;
      }
      buffered = Buffer.concat([buffered, await nextChunk(socket, chunks, timeoutMs)]);
    }
  }

  return {
    readLine: async () => (await take(lineLength)).toString('utf8').replace(/\r?\n$/, ''),
    readBytes: (count) => take((data) => (data.length >= count ? count : undefined)),
    write: (data) => void socket.write(data),
    close: () => close(socket),
  };
}

function lineLength(data: Buffer): number | undefined {
  const newline = data.indexOf('\n');
  return newline < 0 ? undefined : newline + 1;
}

async function nextChunk(socket: Socket, chunks: AsyncIterator<Buffer>, timeoutMs: number): Promise<Buffer> {
  const giveUp = () => socket.destroy(new Error(`the server sent nothing for ${timeoutMs} ms`));
  socket.setTimeout(timeoutMs, giveUp);
  const next = await chunks.next();
  socket.setTimeout(0, giveUp);
  if (next.done === true) throw new Error('the server closed the connection');
  return next.value;
}

async function close(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const closed = once(socket, 'close');
  socket.destroy();
  await closed;
}
