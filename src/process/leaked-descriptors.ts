import { closeSync, existsSync, fstatSync, readdirSync, readFileSync } from 'node:fs';

/** open(2): the flag as fdinfo of proc(5) shows it, in octal. */
const O_CLOEXEC = 0o2000000;

/** Node marks inherited descriptors up to this one, and on to the first that is not open (libuv, uv_disable_stdio_inheritance). */
const MARKED = 15;

/**
 * Closes the sockets and pipes that leaked into us from the mail server through the handler that started us: we stay
 * when it has gone, and somebody may wait for their end. Node opens its own descriptors close-on-exec and marks those
 * that it inherits with low numbers, so the handler has passed on none of these; the rest are known by the missing mark.
 * V8 opens its logs without it: files stay open.
 */
export function closeLeakedDescriptors(): void {
  const folder = '/proc/self/fdinfo';
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const descriptor = Number(name);
    if (descriptor <= MARKED || !passesOn(`${folder}/${name}`)) continue;
    const kind = fstatSync(descriptor);
    if (kind.isSocket() || kind.isFIFO()) closeSync(descriptor);
  }
}

function passesOn(fdinfo: string): boolean {
  if (!existsSync(fdinfo)) return false; // that of the listing itself
  const flags = /^flags:\s+(\d+)/m.exec(readFileSync(fdinfo, 'utf8'))?.[1] ?? '';
  return (parseInt(flags, 8) & O_CLOEXEC) === 0;
}
