import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CompiledProgram, compileProgram } from '../support/compiled.ts';

const IS_ROOT = process.geteuid?.() === 0;

/** nobody(5) of Debian; an id with no entry in passwd(5). */
const NOBODY = 65534;
const NAMELESS = 54321;

let program: CompiledProgram;
let folder: string;

beforeAll(() => {
  program = compileProgram();
});
afterAll(() => {
  program.remove();
});
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xapplepush-'));
  chmodSync(folder, 0o755);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Identity {
  uid: number;
  gid: number;
  groups: number[];
  store: { uid: number; gid: number };
}

/** Who a process is after it took on the identity for that store, and whose a file is that it makes then. */
async function identityFor(store: string): Promise<Identity> {
  const output = await program.run(
    `import { statSync, writeFileSync } from 'node:fs';
     import { actAsOwnerOf } from '@/process/identity.js';
     const store = process.argv[1];
     actAsOwnerOf(store);
     const ids = { uid: process.geteuid(), gid: process.getegid(), groups: process.getgroups() };
     writeFileSync(store, '');
     const { uid, gid } = statSync(store);
     console.log(JSON.stringify({ ...ids, store: { uid, gid } }));`,
    store,
  );
  return JSON.parse(output) as Identity;
}

function folderOf(uid: number): string {
  const path = join(folder, `of-${uid}`);
  mkdirSync(path, { mode: 0o750 });
  if (IS_ROOT) chownSync(path, uid, uid);
  return path;
}

describe('acting as the owner of the folder of the database', () => {
  test.each([NOBODY, NAMELESS])('root becomes user %d; nobody else changes', async (owner) => {
    const wanted = IS_ROOT ? owner : process.geteuid?.();
    const path = folderOf(owner);
    const identity = await identityFor(join(path, 'x.db'));
    const group = statSync(path).gid;
    expect(identity).toMatchObject({ uid: wanted, gid: IS_ROOT ? owner : process.getegid?.() });
    expect(identity.store).toEqual({ uid: wanted, gid: group });
    if (IS_ROOT) expect(identity.groups).toEqual([owner]);
  });

  test('where the folder is our own or missing, nothing changes', async () => {
    const path = join(folder, 'x.db');
    expect(await identityFor(path)).toMatchObject({ uid: process.geteuid?.(), gid: process.getegid?.() });
    const missing = await program.run(
      `import { actAsOwnerOf } from '@/process/identity.js';
       actAsOwnerOf('/no/such/folder/x.db');
       console.log(process.geteuid());`,
    );
    expect(Number(missing)).toBe(process.geteuid?.());
  });
});
