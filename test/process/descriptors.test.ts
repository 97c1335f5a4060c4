import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keepDescriptors } from '../../src/process/descriptors.ts';
import { withMockApns, configFor } from '../support/apns.ts';
import { configure, createSandbox, eventually, type Sandbox } from '../support/command.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { startServe } from '../support/serve.ts';

const FULL = 'no file and no connection can be opened any more';
const OVER = 'files and connections can be opened again';

/** What the log says after so many looks, of which these found no descriptor. */
async function saidAfter(looks: number, isFull: (look: number) => boolean): Promise<string[]> {
  const log = recordedLog();
  const ending = new AbortController();
  const open = new Set<number>();
  let [look, next] = [0, 1];
  await keepDescriptors(
    {
      log,
      open: () => {
        if (isFull(look)) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
        open.add((next += 1));
        return next;
      },
      close: (descriptor) => expect(open.delete(descriptor)).toBe(true),
      clock: {
        sleep: () => {
          look += 1;
          if (look === looks) ending.abort();
          return Promise.resolve();
        },
      },
    },
    ending.signal,
  );
  expect(open.size).toBe(0);
  return log.entries.map(({ level, message }) => `${level}: ${message}`);
}

test('that they are used up is told once in a row, however often one is free for a moment', async () => {
  expect(await saidAfter(40, () => false)).toEqual([]);
  expect(await saidAfter(40, (look) => look > 3 && look % 4 !== 0)).toEqual([`error: ${FULL}`]);
  expect(await saidAfter(40, (look) => look > 3 && look < 9)).toEqual([`error: ${FULL}`, `info: ${OVER}`]);
  expect(await saidAfter(60, (look) => look % 30 < 9)).toHaveLength(4);
});

test('serve lives on when clients take all of them, and says so once', async () => {
  await withMockApns({}, async (apns) => {
    const sandbox = createSandbox('');
    const path = join(sandbox.dir, 'cyrus.sock');
    configure(sandbox, `${configFor(apns)}serve: { cyrus_socket: ${path} }\n`);
    const served = await startServe(sandbox);
    const clients: Socket[] = [];
    try {
      execFileSync('prlimit', ['--pid', String(served.pid), '--nofile=80:80']);
      const crowd = setInterval(() => crowdIn(path, clients), 500);
      await eventually(
        () => said(sandbox, served, FULL),
        (count) => count === 1,
      );
      await new Promise((resolve) => setTimeout(resolve, 3000));
      clearInterval(crowd);
      for (const client of clients) client.destroy();
      await eventually(
        () => said(sandbox, served, OVER),
        (count) => count === 1,
        60_000,
      );
      expect(said(sandbox, served, FULL)).toBe(1);
      expect(said(sandbox, served, 'cannot accept a client')).toBeLessThanOrEqual(1);
      expect(await answered(path)).toMatch(/^BAD /);
      expect(await served.end('SIGTERM')).toBe(0);
    } finally {
      await served.end('SIGKILL');
      sandbox.remove();
    }
  });
}, 120_000);

function crowdIn(path: string, clients: Socket[]): void {
  for (let n = 0; n < 50 && clients.length < 600; n += 1)
    clients.push(connect(path).on('error', () => undefined));
}

function answered(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path).on('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(answer.toString());
    });
    socket.write('NONSENSE %()\r\n');
  });
}

/** How often, in the log's file or where that cannot be opened. */
function said({ dir }: Sandbox, { stderr }: { stderr: () => string }, what: string): number {
  return `${readFileSync(join(dir, 'log'), 'utf8')}${stderr()}`.split(what).length - 1;
}
