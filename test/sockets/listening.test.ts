import { lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { createTestClock } from '../support/clock.ts';
import { eventually } from '../support/command.ts';
import { client, everything, line, notify, said, testDoor } from '../support/cyrus-door.ts';

/** Long enough for whatever has nothing more to wait for. */
async function turns(): Promise<void> {
  for (let n = 0; n < 20; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Between two looks at the path. */
const LOOK_MS = 1000;

/** A door whose looks come when the test wants them. */
async function watchedDoor() {
  const clock = createTestClock();
  const replaced: string[] = [];
  const door = await testDoor({ clock, onReplaced: (path) => replaced.push(path) });
  /** Lets it look again; returns when it has. */
  const look = async (): Promise<void> => {
    await clock.asleep();
    clock.advance(LOOK_MS);
    if (replaced.length === 0)
      await Promise.race([
        clock.asleep(),
        eventually(
          () => replaced.length,
          (count) => count > 0,
        ),
      ]);
  };
  return { ...door, replaced, look };
}

describe('another door on the same socket', () => {
  test('is found by every client from then on, while those of the first are answered', async () => {
    const first = await watchedDoor();
    const early = await client(first.path);
    const second = await testDoor({ path: first.path });
    expect(await said(first.path, notify('late'))).toBe('OK NIL\r\n');
    early.write(notify('early'));
    expect(await line(early)).toBe('OK NIL\r\n');
    expect([first.events, second.events]).toEqual([['early'], ['late']]);
    expect(second.log.messages('warn')).toEqual([expect.stringMatching(/taken over/)]);
    await first.look();
    await first.look();
    expect(first.replaced).toEqual([first.path]);
    await first.close();
    expect(await said(first.path, notify('{}'))).toBe('OK NIL\r\n');
  });

  test('that goes again at once leaves the socket to the first', async () => {
    const first = await watchedDoor();
    const second = await testDoor({ path: first.path });
    await second.close();
    await first.look();
    await first.look();
    expect(first.replaced).toEqual([]);
    expect(await said(first.path, notify('back'))).toBe('OK NIL\r\n');
    expect(first.events).toEqual(['back']);
  });

  test('leaves nothing beside the socket', async () => {
    const first = await testDoor();
    const second = await testDoor({ path: first.path });
    await first.close();
    await second.close();
    expect(readdirSync(dirname(first.path))).toEqual(['cyrus.sock']);
  });
});

describe('a socket that is removed', () => {
  test('is there again after the next look, and that is told', async () => {
    const { path, look, events, log } = await watchedDoor();
    for (const round of [1, 2]) {
      rmSync(path);
      await look();
      expect(await said(path, notify(`round ${round}`))).toBe('OK NIL\r\n');
    }
    expect(events).toEqual(['round 1', 'round 2']);
    expect(log.messages('warn')).toHaveLength(2);
  });

  test('and is there again: when the door closes, those who came by either are answered', async () => {
    const { path, look, events, close } = await watchedDoor();
    const early = await client(path);
    early.write(notify('early').subarray(0, 50));
    rmSync(path);
    await look();
    const late = await client(path);
    late.write(notify('late').subarray(0, 50));
    expect(await said(path, notify('{}'))).toBe('OK NIL\r\n'); // the door has heard both halves by now
    let isClosed = false;
    const closed = close().then(() => (isClosed = true));
    early.write(notify('early').subarray(50));
    expect(await everything(early)).toBe('OK NIL\r\n');
    await expect(client(path)).rejects.toThrow(/ECONNREFUSED/);
    await turns();
    expect(isClosed).toBe(false);
    late.write(notify('late').subarray(50));
    expect(await everything(late)).toBe('OK NIL\r\n');
    await closed;
    expect(events).toEqual(['{}', 'early', 'late']);
  });

  test('and is there again: when the door closes, those who wait there are accepted', async () => {
    const { path, look, close } = await watchedDoor();
    rmSync(path);
    await look();
    const sockets = Array.from({ length: 50 }, () => connect(path));
    const answers = sockets.map((socket) => {
      socket.write(notify('{}'));
      return text(socket);
    });
    await close();
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['OK NIL\r\n']));
  });

  test('cannot be made again where something else has its place: told once, and nothing is overwritten', async () => {
    const { path, look, events, log } = await watchedDoor();
    rmSync(path);
    writeFileSync(path, 'precious');
    await look();
    await look();
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(log.messages('error')).toHaveLength(1);
    rmSync(path);
    await look();
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(await said(path, notify('again'))).toBe('OK NIL\r\n');
    expect(events).toEqual(['again']);
  });

  test('cannot be made again in a folder that is gone: told once, and made when the folder is there', async () => {
    const { path, look, log } = await watchedDoor();
    rmSync(dirname(path), { recursive: true });
    await look();
    await look();
    expect(log.messages('error')).toHaveLength(1);
  });
});
