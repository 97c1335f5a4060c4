import type { IncomingMessage } from 'node:http';
import { MAX_EVENT_BYTES } from '../events/read.ts';

/** How long the rest of a body that is too large is read and thrown away, so that the client gets to read why. */
const DISCARD_MS = 1000;

/** Reads the body; `left` where the client broke off. Of what is too large nothing is kept. */
export function readBody(request: IncomingMessage): Promise<Buffer | 'too large' | 'left'> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    let timer: NodeJS.Timeout | undefined;
    const finish = (body: Buffer | 'too large' | 'left'): void => {
      clearTimeout(timer);
      resolve(body);
    };
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_EVENT_BYTES) {
        chunks.push(chunk);
        return;
      }
      chunks = [];
      timer ??= setTimeout(() => finish('too large'), DISCARD_MS);
    });
    request.on('end', () => finish(bytes > MAX_EVENT_BYTES ? 'too large' : Buffer.concat(chunks)));
    request.on('error', () => finish('left'));
    request.on('close', () => finish('left')); // after `end` this changes nothing
  });
}
