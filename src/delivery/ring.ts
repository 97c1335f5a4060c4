import { closeSync, constants, existsSync, fstatSync, openSync, writeSync } from 'node:fs';

/**
 * The FIFO beside the control socket by which a handler rings: node:net alone would cost it as much as all its work. Its
 * name ends with the edition of whoever hears it, so that nobody rings at another configuration or program.
 */
export function doorbellOf(control: string, edition: string): string {
  return `${control}${DOORBELL}.${edition}`;
}

/** What the names of all doorbells of a control socket go on with. */
export const DOORBELL = '.doorbell';

/**
 * Who hears a ring: somebody of our edition who delivers; nobody, as the kernel knows; or whoever answers on the control
 * socket, such as a deliverer of another edition.
 */
export type Heard = 'rung' | 'nobody' | 'ask the socket';

/**
 * Rings whoever delivers, without waiting. The caller has committed before: then a ring that is never read is not lost
 * either, since whoever delivers shuts its doorbell before it looks into the outbox for the last time.
 */
export function ring(control: string, edition: string): Heard {
  if (wrote(doorbellOf(control, edition))) return 'rung';
  return existsSync(control) ? 'ask the socket' : 'nobody';
}

/** What lies there instead of a FIFO is not written to, nor waited for. */
const OPEN = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

function wrote(path: string): boolean {
  let fd: number | undefined;
  try {
    fd = openSync(path, OPEN); // ENXIO where nobody reads (fifo(7))
    return fstatSync(fd).isFIFO() && writeSync(fd, RING) === RING.length;
  } catch (error) {
    // The reader is there, and has plenty to read (pipe(7)).
    return fd !== undefined && (error as NodeJS.ErrnoException).code === 'EAGAIN';
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const RING = '\n';
