import { createHash, timingSafeEqual } from 'node:crypto';
import type { Log } from '../process/log.ts';

/** Whether a request with this Authorization header may pass. */
export type Gate = (header: string | undefined) => boolean;

/** Basic credentials (RFC 7617), compared in constant time; without `expected` everybody passes. */
export function createGate(expected: string | undefined, log: Log): Gate {
  if (expected === undefined) return () => true;
  const digest = digestOf(Buffer.from(expected));
  let told = false; // once in a row: the mail server tries again and again with the same password
  return (header) => {
    const passes = timingSafeEqual(digest, digestOf(credentialsIn(header)));
    if (!passes && !told) log.warn('HTTP: a request without the right user and password was refused');
    told = !passes;
    return passes;
  };
}

/** Digests have one length whatever was sent, which timingSafeEqual needs. */
function digestOf(credentials: Buffer): Buffer {
  return createHash('sha256').update(credentials).digest();
}

function credentialsIn(header = ''): Buffer {
  return Buffer.from(/^basic +([a-z0-9+/]+=*)$/i.exec(header)?.[1] ?? '', 'base64');
}
