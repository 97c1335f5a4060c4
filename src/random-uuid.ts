import type Crypto from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** random(4): each reading is a new UUID of version 4. */
const KERNEL_UUID = '/proc/sys/kernel/random/uuid';

/** A new random UUID; from the kernel where it gives one, because node:crypto takes 2 ms to load. */
export function randomUuid(): string {
  if (existsSync(KERNEL_UUID)) return readFileSync(KERNEL_UUID, 'latin1').trimEnd();
  return (createRequire(import.meta.url)('node:crypto') as typeof Crypto).randomUUID();
}
