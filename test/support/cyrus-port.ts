import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range from which Linux picks the local ports of outgoing connections (32768, ip(7)), so that no
// connection takes the port between this look and the moment at which master binds it.
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;
const ATTEMPTS = 50;

/** A loopback TCP port that nobody listens on. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (await canListen(port)) return port;
  }
  throw new Error(
    `no free loopback port found in ${ATTEMPTS} attempts between ${FIRST_PORT} and ${LAST_PORT}`,
  );
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
