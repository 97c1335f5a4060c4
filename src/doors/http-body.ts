import type { IncomingMessage } from 'node:http';
import { MAX_EVENT_BYTES } from '../events/read.ts';
import { type BodyBudget, FREE_BYTES } from './http-body-budget.ts';
import type { Pace } from './http-pace.ts';

/** How long the rest of a body that is not taken is read and thrown away, so that the client gets to read why. */
const DISCARD_MS = 1000;

const FIRST_BYTES = 4096;

/** Why there is no body: too large by itself, beyond the memory for all bodies, or the client broke off. */
export type NoBody = 'too large' | 'no room' | 'left';

/** What all bodies share. */
export interface BodyLimits {
  budget: BodyBudget;
  pace: Pace;
}

/** Reads the body. Of one that is not taken nothing is kept. */
export function readBody(request: IncomingMessage, { budget, pace }: BodyLimits): Promise<Buffer | NoBody> {
  return new Promise((resolve) => {
    let [refused, came]: [NoBody | undefined, number] = [undefined, 0];
    let timer: NodeJS.Timeout | undefined;
    const declared = Number(request.headers['content-length'] ?? 0);
    const gathered = new Gathered(declared);
    const finish = (body: Buffer | NoBody): void => {
      clearTimeout(timer);
      share.release();
      pace.ended(request);
      resolve(body);
    };
    const refuse = (why: NoBody): void => {
      refused = why;
      gathered.forget();
      share.release();
      timer = setTimeout(() => finish(why), DISCARD_MS);
    };
    const share = budget.open(() => refuse('no room'));
    if (declared > MAX_EVENT_BYTES) refuse('too large');
    else if (!share.hold(declared)) refuse('no room'); // before anything of it is read
    request.on('data', (chunk: Buffer) => {
      came += chunk.length;
      if (came > FREE_BYTES) pace.came(request); // an ordinary event never waits
      if (refused !== undefined) return;
      const bytes = gathered.bytes + chunk.length;
      if (bytes > MAX_EVENT_BYTES) refuse('too large');
      else if (!share.hold(gathered.capacityFor(bytes))) refuse('no room');
      else gathered.add(chunk);
    });
    request.on('end', () => finish(refused ?? gathered.whole()));
    request.on('error', () => finish('left'));
    request.on('close', () => finish('left')); // after `end` this changes nothing
  });
}

/**
 * One buffer, since a client may send its body byte by byte, and each piece is an object of its own. It has the length
 * that was declared, or grows.
 */
class Gathered {
  bytes = 0;
  readonly #declared: number;
  #buffer = Buffer.alloc(0);

  constructor(declared: number) {
    this.#declared = declared;
  }

  /** How large the buffer is when it holds so many bytes. */
  capacityFor(bytes: number): number {
    if (bytes <= this.#declared) return this.#declared;
    let capacity = Math.max(FIRST_BYTES, this.#buffer.length);
    while (capacity < bytes) capacity *= 2;
    return Math.min(capacity, MAX_EVENT_BYTES);
  }

  add(chunk: Buffer): void {
    const capacity = this.capacityFor(this.bytes + chunk.length);
    if (capacity > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(capacity);
      this.#buffer.copy(larger, 0, 0, this.bytes);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.bytes);
    this.bytes += chunk.length;
  }

  forget(): void {
    this.#buffer = Buffer.alloc(0);
    this.bytes = 0;
  }

  whole(): Buffer {
    return this.#buffer.subarray(0, this.bytes);
  }
}
