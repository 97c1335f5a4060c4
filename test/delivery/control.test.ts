import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Listener, openControlDoor } from '../../src/delivery/control.ts';
import { poke } from '../../src/delivery/poke.ts';
import { doorbellOf, ring } from '../../src/delivery/ring.ts';
import { eventually } from '../support/command.ts';
import { EDITION, listening } from '../support/control.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { temporaryFolder } from '../support/store.ts';

function socketPath(): string {
  return join(temporaryFolder(), 'control.sock');
}

/** A door that counts its pokes. */
async function countingDoor(
  path = socketPath(),
): Promise<{ path: string; pokes: () => number; close: () => Promise<void> }> {
  let pokes = 0;
  const door = await openControlDoor(
    path,
    listening(() => (pokes += 1)),
  );
  return { path, pokes: () => pokes, close: () => door.close() };
}

/** Something else that listens there. */
async function listener(onSocket: (socket: Socket) => void): Promise<string> {
  const path = socketPath();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return path;
}

/** Says this to a door; gives its answer, once the door has closed the connection. */
function said(path: string, ...texts: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(path);
    socket.on('connect', () => {
      for (const text of texts) socket.write(text);
    });
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!['EPIPE', 'ECONNRESET'].includes(error.code ?? '')) reject(error);
    });
    socket.on('close', () => resolve(answer));
  });
}

describe('poke', () => {
  test('is true where somebody delivers', async () => {
    const { path, pokes, close } = await countingDoor();
    expect(await poke(path)).toBe(true);
    expect(await poke(path)).toBe(true);
    expect(pokes()).toBe(2);
    await close();
  });

  test('all of many at once are heard', async () => {
    const { path, pokes, close } = await countingDoor();
    const answers = await Promise.all(Array.from({ length: 100 }, () => said(path, 'poke\n')));
    expect(new Set(answers).size).toBe(1);
    expect(pokes()).toBe(100);
    await close();
  });

  test('is false where nobody is', async () => {
    const path = socketPath();
    expect(await poke(path)).toBe(false);
    writeFileSync(path, '');
    expect(await poke(path)).toBe(false);
    expect(await poke(join(path, 'below'))).toBe(false);
    expect(await poke(`/tmp/${'x'.repeat(200)}`)).toBe(false);
  });

  test('is false where a dead one left its socket', async () => {
    const path = socketPath();
    const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', script, path]), 'exit');
    expect(statSync(path).isSocket()).toBe(true);
    expect(await poke(path)).toBe(false);
  });

  const strangers: Record<string, (socket: Socket) => void> = {
    'says nothing': () => undefined,
    'hangs up': (socket) => socket.destroy(),
    'ends without a word': (socket) => socket.end(),
    'says something else': (socket) => socket.end('no\n'),
    'says too much': (socket) => socket.write('ok, and more\n'),
    'never stops talking': (socket) => {
      const timer = setInterval(() => socket.write('garbage '.repeat(1000)), 5);
      socket.on('close', () => clearInterval(timer));
    },
    'says bytes one at a time': (socket) => {
      const timer = setInterval(() => socket.write('x'), 5);
      socket.on('close', () => clearInterval(timer));
    },
    'answers by half': (socket) => socket.write('o'),
  };
  test.each(Object.entries(strangers))('is false where one %s', async (_name, onSocket) => {
    expect(await poke(await listener(onSocket))).toBe(false);
  });

  test('takes an answer that comes in pieces', async () => {
    const path = await listener((socket) => {
      socket.write('o');
      setTimeout(() => socket.write('k\n'), 20);
    });
    expect(await poke(path)).toBe(true);
  });
});

describe('the door', () => {
  test('is for the same user only, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      const { path, close } = await countingDoor();
      expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
      await close();
    } finally {
      process.umask(umask);
    }
  });

  test('takes the place of a leftover, and removes its own when it closes', async () => {
    const path = socketPath();
    writeFileSync(path, 'left over');
    const { pokes, close } = await countingDoor(path);
    expect(await poke(path)).toBe(true);
    expect(pokes()).toBe(1);
    await close();
    expect(existsSync(path)).toBe(false);
    expect(await poke(path)).toBe(false);
  });

  test('tells a retry from a poke', async () => {
    const path = socketPath();
    const words: string[] = [];
    const door = await openControlDoor(
      path,
      listening((word) => words.push(word)),
    );
    expect([await poke(path), await poke(path, 'retry')]).toEqual([true, true]);
    expect(await said(path, 're', 'try\n')).toBe('ok\n');
    expect(words).toEqual(['poke', 'retry', 'retry']);
    await door.close();
  });

  test('hears a poke that comes in pieces', async () => {
    const { path, pokes, close } = await countingDoor();
    expect(await said(path, 'po', 'ke', '\n')).toBe('ok\n');
    expect(pokes()).toBe(1);
    await close();
  });

  test.each<[string, string | Buffer]>([
    ['garbage', 'GET / HTTP/1.1\r\n\r\n'],
    ['bytes', Buffer.from([0, 255, 254, 10, 13, 0])],
    ['a megabyte', 'x'.repeat(1_000_000)],
    ['more than a poke', 'poke\npoke\n'],
    ['another word', 'Poke\n\n'],
  ])('cuts off who says %s, and goes on', async (_name, text) => {
    const { path, pokes, close } = await countingDoor();
    expect(await said(path, text)).toBe('');
    expect(pokes()).toBe(0);
    expect(await poke(path)).toBe(true);
    await close();
  });

  test('cuts off who never stops talking', async () => {
    const { path, pokes, close } = await countingDoor();
    const socket = connect(path);
    const timer = setInterval(() => socket.write('talk'), 5);
    socket.on('error', () => undefined); // it is told of the cut, or writes once more
    await new Promise((resolve) => socket.on('close', resolve));
    clearInterval(timer);
    expect(pokes()).toBe(0);
    await close();
  });

  test('a client that leaves or hangs does no harm', async () => {
    const { path, pokes, close } = await countingDoor();
    const hanging = connect(path);
    const leaving = connect(path);
    leaving.on('connect', () => {
      leaving.write('poke\n');
      leaving.destroy();
    });
    await new Promise((resolve) => leaving.on('close', resolve));
    expect(await poke(path)).toBe(true);
    expect(pokes()).toBeGreaterThanOrEqual(1);
    const closed = close();
    expect(await poke(path)).toBe(false);
    hanging.destroy();
    await closed;
  });

  test('answers who came before it was closed', async () => {
    const { path, pokes, close } = await countingDoor();
    const socket = connect(path);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await new Promise((resolve) => socket.on('connect', resolve));
    await poke(path); // the door has taken the first one by now
    const closed = close();
    socket.write('poke\n');
    await closed;
    expect(answer).toBe('ok\n');
    expect(pokes()).toBe(2);
  });

  test('cannot be opened where there is no folder', async () => {
    const path = join(socketPath(), 'no', 'folder');
    await expect(openControlDoor(path, listening())).rejects.toThrow(/ENOTDIR|ENOENT|EACCES|EINVAL/);
  });

  test('hears the doorbell as a poke', async () => {
    const path = socketPath();
    const words: string[] = [];
    const door = await openControlDoor(
      path,
      listening((word) => words.push(word)),
    );
    expect(ring(path, EDITION)).toBe('rung');
    await eventually(
      () => words.length,
      (count) => count > 0,
    );
    expect(words).toEqual(['poke']);
    await door.close();
  });

  test('is shut for both once it is closed', async () => {
    const { path, close } = await countingDoor();
    await close();
    expect(ring(path, EDITION)).toBe('nobody');
    expect(await poke(path)).toBe(false);
  });

  test('has the socket alone where there can be no doorbell, and says so', async () => {
    const path = socketPath();
    mkdirSync(doorbellOf(path, EDITION));
    const log = recordedLog();
    let pokes = 0;
    const door = await openControlDoor(
      path,
      listening(() => (pokes += 1)),
      log,
    );
    expect(ring(path, EDITION)).toBe('ask the socket');
    expect(await poke(path)).toBe(true);
    expect(pokes).toBe(1);
    expect(log.entries).toMatchObject([{ level: 'warn', fields: { path: doorbellOf(path, EDITION) } }]);
    await door.close();
  });

  test('tells whoever works with something else, and says what the listener decides', async () => {
    const path = socketPath();
    const heard: [string, string | undefined][] = [];
    let isWilling = true;
    const onWord: Listener['onWord'] = (word, from) => {
      heard.push([word, from]);
      return isWilling;
    };
    const door = await openControlDoor(path, { edition: EDITION, onWord });
    expect(await poke(path, 'poke', 'other.1')).toBe(true);
    isWilling = false;
    expect(await poke(path, 'retry', 'other.1')).toBe(false);
    expect(await said(path, 'poke other.1\n')).toBe('no\n');
    expect(await poke(path)).toBe(false);
    expect(heard).toEqual([
      ['poke', 'other.1'],
      ['retry', 'other.1'],
      ['poke', 'other.1'],
      ['poke', undefined],
    ]);
    await door.close();
  });

  test('hears no ring any more once it is told so, and answers on', async () => {
    const path = socketPath();
    const door = await openControlDoor(path, listening());
    await door.stopRings();
    expect(ring(path, EDITION)).toBe('ask the socket');
    expect(await poke(path)).toBe(true);
    await door.close();
  });

  test.each<[string, (path: string) => void]>([
    ['the socket was removed', (path) => rmSync(path)],
    ['the doorbell was removed', (path) => rmSync(doorbellOf(path, EDITION))],
    [
      'a file took the place of the socket',
      (path) => {
        writeFileSync(`${path}.new`, '');
        renameSync(`${path}.new`, path);
      },
    ],
  ])('notices that %s', async (_what, act) => {
    const path = socketPath();
    const door = await openControlDoor(path, listening());
    expect(door.isInPlace()).toBe(true);
    act(path);
    expect(door.isInPlace()).toBe(false);
    await door.close();
  });
});
