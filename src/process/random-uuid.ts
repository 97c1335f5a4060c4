import type Crypto from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** random(4): each reading is a new UUID of version 4. */
const KERNEL_UUID = '/proc/sys/kernel/random/uuid';

/** A reading takes 20 µs and loading node:crypto 2 ms; most events need one or two. As UTF-8, Node reads at once. */
const READINGS_MAX = 50;

let readings = 0;

/** A new random UUID; the first ones from the kernel where it gives them, because node:crypto takes time to load. */
export function randomUuid(): string {
  if (readings < READINGS_MAX && existsSync(KERNEL_UUID)) {
    readings += 1;
    return readFileSync(KERNEL_UUID, 'utf8').trimEnd();
  }
  return (createRequire(import.meta.url)('node:crypto') as typeof Crypto).randomUUID();
}
