import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { configure, type Sandbox } from '../support/command.ts';
import { sandboxHere } from '../support/here.ts';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = sandboxHere('');
  configure(sandbox, 'deltachat: { enabled: true }\n');
});
afterEach(() => sandbox.remove());

const FILE = 'priv/g/devicetoken\nopenpgp:AAAA\nshared/g/comment\nfor all\nnone\nx\npriv/g/comment\nmine\n';

async function run(text: string): Promise<{ stdout: string; exitCode: number | null }> {
  const file = join(sandbox.dir, 'dovecot-attributes');
  writeFileSync(file, text);
  const { stdout, exitCode } = await sandbox.run(['metadata', 'import', '--user', 'alice', file]);
  return { stdout, exitCode };
}

test('METADATA of a user is taken once, what cannot be kept is told, and a device registers by it', async () => {
  const skipped = 'line 5: skipped: the name of an entry without a mailbox: expected priv/… or shared/…\n';
  expect(await run(FILE)).toEqual({
    stdout: `${skipped}3 entries taken, 0 there before, 1 skipped\n`,
    exitCode: 65,
  });
  expect(await run(FILE.replace('mine', 'other').replace('none\nx\n', ''))).toEqual({
    stdout: '0 entries taken, 3 there before, 0 skipped\n',
    exitCode: 0,
  });
  const store = openStore(sandbox.store, { create: false });
  const [mine, all] = [
    await store.metadataValue('alice', 'priv/g/comment'),
    await store.metadataValue('', 'shared/g/comment'),
  ];
  expect([mine, all].map((value) => Buffer.from(value ?? []).toString())).toEqual(['mine', 'for all']);
  expect(await store.listEndpoints({}, { afterId: 0, limit: 9 })).toMatchObject([
    { user: 'alice', service: 'deltachat', address: 'openpgp:AAAA' },
  ]);
  store.close();
});

test('what a user may not have is skipped', async () => {
  const many = Array.from({ length: 66 }, (_, n) => `priv/g/${n}\nx\n`).join('');
  const { stdout, exitCode } = await run(many);
  expect(exitCode).toBe(65);
  expect(stdout).toContain('line 131: skipped: a user has 64 entries at most\n');
  expect(stdout).toContain('64 entries taken, 0 there before, 2 skipped\n');
});
