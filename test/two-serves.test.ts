import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { poke } from '../src/delivery/poke.ts';
import { configFor, startTestApns, type TestApns } from './support/apns.ts';
import {
  COMMAND,
  configure as writeConfig,
  createSandbox,
  eventually,
  imapdConfOf,
  type Sandbox,
} from './support/command.ts';
import { captured } from './support/events.ts';
import { type Served, startServe } from './support/serve.ts';
import { notifyAsCyrus } from './support/serving.ts';
import { mountSmallDisk } from './support/small-disk.ts';
import { describeAsRoot } from './support/needs.ts';

/** A user of no special rights. */
const OTHER = { uid: 65_534, gid: 65_534 };

let apns: TestApns;
let sandbox: Sandbox;
let served: Served[];
let unmount: () => void;

describeAsRoot('serve that lacks room or rights', () => {
  beforeEach(async () => {
    apns = await startTestApns();
    sandbox = createSandbox('');
    writeFileSync(join(sandbox.dir, 'imapd.conf'), imapdConfOf(COMMAND, 'aps_topic: com.apple.mail.test'));
    [served, unmount] = [[], () => undefined];
  });
  afterEach(async () => {
    await Promise.all(served.map(({ end }) => end('SIGKILL')));
    unmount();
    sandbox.remove();
    await apns.close();
  });

  const inSandbox = (name: string): string => join(sandbox.dir, name);
  const logged = (): string => readFileSync(inSandbox('log'), 'utf8');
  const status = async (): Promise<{ serve: string; verdict: { text: string } }> =>
    JSON.parse((await sandbox.run(['status', '--json'])).stdout) as never;

  /** One more, with a door of its own so that none takes over from another. */
  const start = async (user?: typeof OTHER): Promise<Served> => {
    const serve = `{ cyrus_socket: ${inSandbox(`cyrus${served.length}.sock`)} }`;
    writeConfig(sandbox, `${configFor(apns)}control: ${inSandbox('control.sock')}\nserve: ${serve}\n`);
    const one = await startServe(sandbox, user);
    served.push(one);
    return one;
  };

  /** Leaves no byte; gives what makes room again. */
  const fill = (folder: string): (() => void) => {
    const files = [65_536, 4096, 1].flatMap((bytes) => filled(folder, bytes));
    return () => files.forEach((file) => rmSync(file));
  };

  test('on a full disk the second of two goes on when the first ends, and says why it cannot work', async () => {
    const disk = mountSmallDisk(inSandbox('disk'), { bytes: 512 * 1024 });
    unmount = () => disk.unmount();
    sandbox = { ...sandbox, store: join(disk.path, 'x.db') };
    const first = await start();
    const makeRoom = fill(disk.path);
    const second = await start();
    expect((await status()).serve).toBe('running');
    expect([await first.end('SIGTERM'), first.stderr()]).toEqual([0, '']);
    const full = await eventually(status, ({ serve }) => serve === 'running');
    expect(full.verdict.text).toMatch(/^does not work: (.*; )?serve runs and cannot write to the database/);
    expect(logged()).toMatch(/no space left for database.*events wait in the spool/);
    expect(await notifyAsCyrus(sandbox.dir, captured('dlist-ApplePushService.bin'), 'cyrus1.sock')).toBe(
      'OK NIL\r\n',
    );
    makeRoom();
    await eventually(
      () => sandbox.run(['targets', 'list', '--json']),
      ({ stdout }) => stdout.includes('"source": "cyrus"'),
    );
    await eventually(status, ({ verdict }) => /^does not work: no push has been sent yet/.test(verdict.text));
    expect([await second.end('SIGTERM'), second.stderr()]).toEqual([0, '']);
  }, 60_000);

  test('where only the first can open the lock file the second goes on all the same', async () => {
    for (const file of ['', 'config.yaml', 'imapd.conf']) chownSync(inSandbox(file), OTHER.uid, OTHER.gid);
    const first = await start();
    const second = await start();
    const lockFile = `${sandbox.store}.deliverer`;
    chownSync(lockFile, 0, 0);
    chmodSync(lockFile, 0o600);
    const seen = new Set<string>();
    const over = new AbortController();
    const looking = (async () => {
      while (!over.signal.aborted) seen.add((await status()).serve);
    })();
    expect([await first.end('SIGTERM'), first.stderr()]).toEqual([0, '']);
    await eventually(logged, (log) => /x\.db\.deliverer.*it goes on trying/.test(log));
    over.abort();
    await looking;
    expect([...seen]).toEqual(['running']);
    expect(second.stderr()).toBe('');
    chownSync(lockFile, OTHER.uid, OTHER.gid);
    await eventually(
      () => poke(inSandbox('control.sock')),
      (heard) => heard,
    );
  }, 60_000);

  test.each<[string, (folder: string) => void, (folder: string) => void]>([
    ['is missing', () => undefined, (folder) => mkdirSync(folder)],
    ['is closed to it', (folder) => mkdirSync(folder, { mode: 0o700 }), () => undefined],
  ])('whose folder of the database %s, it takes events and goes on once it can', async (_, hurt, repair) => {
    for (const file of ['', 'config.yaml', 'imapd.conf']) chownSync(inSandbox(file), OTHER.uid, OTHER.gid);
    mkdirSync(inSandbox('deep'));
    const folder = inSandbox('deep/er');
    sandbox = { ...sandbox, store: join(folder, 'x.db') };
    hurt(folder);
    await start(OTHER);
    expect(await notifyAsCyrus(sandbox.dir, captured('dlist-ApplePushService.bin'), 'cyrus0.sock')).toBe(
      'OK NIL\r\n',
    );
    repair(folder);
    chownSync(folder, OTHER.uid, OTHER.gid);
    await eventually(
      () => sandbox.run(['targets', 'list', '--json']),
      ({ stdout }) => stdout.includes('"source": "cyrus"'),
    );
    expect(served[0]!.stderr()).toBe('');
  });

  test('root does not make a database before it is known whose it is', async () => {
    sandbox = { ...sandbox, store: inSandbox('deep/er/x.db') };
    await expect(start()).rejects.toThrow(/no folder for database/);
  });
});

/** The files that still fit. */
function filled(folder: string, bytes: number): string[] {
  const files: string[] = [];
  for (;;) {
    const file = join(folder, `fill.${bytes}.${files.length}`);
    files.push(file);
    try {
      writeFileSync(file, 'x'.repeat(bytes));
    } catch {
      return files; // the last is there, and empty
    }
  }
}
