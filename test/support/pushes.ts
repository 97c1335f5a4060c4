import type { MockApns } from '../../src/apns/mock/server.ts';

/** Lets the next test count from nothing. */
export function forget(mock: MockApns): void {
  mock.received.length = 0;
}
