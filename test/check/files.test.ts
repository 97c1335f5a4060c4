import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkLog, checkReading, checkSecrecy } from '../../src/check/files.ts';
import { findMailUser } from '../../src/check/mail-user.ts';
import { checkSpoolFolder } from '../../src/check/spool.ts';
import { checkStoreFolder } from '../../src/check/store.ts';
import { obstacle, tryAs } from '../../src/check/trial.ts';
import { asOwner, type MailUser } from '../../src/process/mail-user.ts';
import { compileProgram } from '../support/compiled.ts';
import { temporaryFolder } from '../support/store.ts';
import { file, give, IS_ROOT, USER, USER_NAME } from './setup.ts';

/** Whose the mail user is not, in a way that root and others can bring about. */
function take(path: string): string {
  if (IS_ROOT) chownSync(path, 0, 0);
  chmodSync(path, IS_ROOT ? 0o755 & statSync(path).mode : 0o500 & statSync(path).mode);
  return path;
}

function folder(path: string, mode = 0o755): string {
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

describe('what is tried as the mail user', () => {
  test('goes well on what is theirs, and leaves nothing', () => {
    const dir = give(temporaryFolder());
    const path = file(join(dir, 'x'), 'content');
    expect(obstacle(USER, { kind: 'read', path })).toBeUndefined();
    expect(obstacle(USER, { kind: 'append', path })).toBeUndefined();
    expect(obstacle(USER, { kind: 'fill', path: dir })).toBeUndefined();
    expect(readdirSync(dir)).toEqual(['x']);
    expect(statSync(path).size).toBe('content'.length);
  });

  test('says what is missing', () => {
    const path = join(temporaryFolder(), 'none', 'x');
    expect(obstacle(USER, { kind: 'read', path })?.text).toBe(`there is no ${path}`);
  });

  test('says what is not allowed', () => {
    const dir = temporaryFolder();
    const path = file(join(dir, 'x'), '', 0o400);
    if (IS_ROOT) chownSync(path, 0, 0);
    else chmodSync(path, 0);
    take(dir);
    const found = (['read', 'append'] as const).map((kind) => obstacle(USER, { kind, path })?.text);
    const full = obstacle(USER, { kind: 'fill', path: dir })?.text;
    chmodSync(dir, 0o755);
    expect(found).toEqual([`${USER.called} may not read ${path}`, `${USER.called} may not write to ${path}`]);
    expect(full).toBe(`${USER.called} may not write into ${dir}`);
  });

  test('names the folder that is closed, also behind a link', () => {
    const dir = temporaryFolder();
    const closed = folder(join(dir, 'closed'));
    const path = file(join(closed, 'x'), '', 0o644);
    const link = join(dir, 'link');
    symlinkSync(path, link);
    chmodSync(closed, IS_ROOT ? 0o700 : 0);
    for (const each of IS_ROOT ? [path, link] : [path]) {
      const found = obstacle(USER, { kind: 'read', path: each });
      expect(found?.text).toBe(`${USER.called} cannot read ${each}: it may not enter ${closed}`);
      expect(found?.fix).toContain(`chmod o+x ${closed}`);
    }
    chmodSync(closed, 0o755);
  });
});

describe('a program that is tried', () => {
  test('is ended when its time is up', () => {
    const path = file(join(temporaryFolder(), 'x'), '#!/bin/sh\nexec /bin/sleep 60\n', 0o755);
    const [result] = tryAs(USER, [{ kind: 'run', path }], { timeoutMs: 200 });
    expect(result?.code).toBe('ETIMEDOUT');
  });

  test('that cannot be executed gives no result', () => {
    const path = file(join(temporaryFolder(), 'x'), '', 0o644);
    expect(tryAs(USER, [{ kind: 'run', path }])[0]?.code).toBe('EACCES');
  });
});

describe('the mail user', () => {
  test('is who imapd.conf says', () => {
    const { user, point } = findMailUser(new Map([['cyrus_user', USER_NAME]]), '/x/y.db');
    expect(user).toMatchObject({ uid: USER.uid, gid: USER.gid, called: USER.called });
    expect(point).toMatchObject({ state: 'ok', text: `${USER.called}: cyrus_user of imapd.conf` });
  });

  test('without Cyrus owns the folder of the database', () => {
    const dir = give(temporaryFolder());
    expect(findMailUser(undefined, join(dir, 'x.db')).user).toMatchObject({ uid: USER.uid });
    const { user, point } = findMailUser(undefined, join(dir, 'none', 'x.db'));
    expect(user).toBeUndefined();
    expect(point).toMatchObject({ state: 'problem', fix: expect.stringContaining('install -d') as string });
  });

  test('cannot be taken on by anybody but root, who is told so', async () => {
    const program = compileProgram();
    try {
      const printed = await program.run(
        `import { findMailUser } from '@/check/mail-user.js';
         if (process.geteuid() === 0) process.geteuid = () => ${USER.uid}; // not every Node can become it
         const { user, point } = findMailUser(new Map([['cyrus_user', 'root']]), '/x/y.db');
         console.log(JSON.stringify({ isKnown: user !== undefined, point }));`,
      );
      expect(JSON.parse(printed)).toMatchObject({
        isKnown: false,
        point: { state: 'warning', text: expect.stringContaining(`runs as ${USER.called}`) as string },
      });
    } finally {
      program.remove();
    }
  });
});

describe('files', () => {
  test('that an event needs are read', () => {
    const dir = temporaryFolder();
    const mine = file(join(dir, 'mine'), '');
    expect(checkReading([mine], USER)).toMatchObject([
      { state: 'ok', text: `${USER.called} can read ${mine}` },
    ]);
    const none = join(dir, 'none');
    expect(checkReading([mine, none], USER)).toMatchObject([
      { state: 'problem', text: `there is no ${none}` },
    ]);
  });

  test('with secrets are not for everybody', () => {
    const dir = temporaryFolder();
    const [closed, open] = [file(join(dir, 'closed'), '', 0o640), file(join(dir, 'open'), '', 0o644)];
    expect(checkSecrecy([])).toEqual([]);
    expect(checkSecrecy([closed])).toMatchObject([{ state: 'ok' }]);
    expect(checkSecrecy([closed, open])).toMatchObject([
      { state: 'warning', text: expect.stringContaining(open) as string, fix: `chmod 0640 ${open}` },
    ]);
  });

  test('with secrets stay open to the mail user alone', () => {
    const path = file(join(temporaryFolder(), 'password'), '', 0o604);
    const { uid, gid } = statSync(path);
    const mendFor = (user: MailUser): string | null | undefined => checkSecrecy([path], user)[0]?.fix;
    const other = { called: 'user cyrus', uid: uid + 1, gid, gids: [gid], owner: 'cyrus', group: 'mail' };
    expect(mendFor({ ...other, uid })).toBe(`chmod 0600 ${path}`);
    expect(mendFor(other)).toBe(`chmod 0640 ${path}`);
    expect(mendFor({ ...other, gid: gid + 1 })).toBe(`chgrp mail ${path} && chmod 0640 ${path}`);
  });

  test('with secrets are nobody else’s to write', () => {
    const path = file(join(temporaryFolder(), 'password'), '', 0o620);
    expect(checkSecrecy([path])).toMatchObject([
      { state: 'warning', text: `its group can write to ${path}`, fix: `chmod 0600 ${path}` },
    ]);
  });

  test('of the log are written, or can be made', () => {
    const dir = give(temporaryFolder());
    const level = 'info';
    const destination = join(dir, 'log');
    expect(checkLog({ level, destination }, USER)).toMatchObject({ state: 'ok' });
    expect(existsSync(destination)).toBe(false);
    file(destination, 'a line\n');
    expect(checkLog({ level, destination }, USER)).toMatchObject({ state: 'ok' });
    if (IS_ROOT) chownSync(destination, 0, 0);
    chmodSync(destination, 0o400);
    expect(checkLog({ level, destination }, USER)).toMatchObject({ state: 'problem' });
    expect(checkLog({ level, destination: join(dir, 'none', 'log') }, USER)).toMatchObject({
      state: 'problem',
    });
    expect(checkLog({ level, destination: 'stderr' }, USER)).toMatchObject({ state: 'warning' });
  });
});

describe('folders of database and spool', () => {
  test('that are theirs', () => {
    const dir = give(temporaryFolder());
    expect(checkStoreFolder(join(dir, 'x.db'), USER)).toMatchObject({ state: 'ok' });
    expect(checkSpoolFolder(dir, USER)).toMatchObject({ state: 'ok' });
  });

  test('that they may not write into', () => {
    const dir = take(temporaryFolder());
    const text = `${USER.called} may not write into ${dir}`;
    expect(checkStoreFolder(join(dir, 'x.db'), USER)).toMatchObject({ state: 'problem', text });
    expect(checkSpoolFolder(dir, USER)).toMatchObject({ state: 'problem', text });
  });

  test('that are missing, and can be made', () => {
    const dir = give(temporaryFolder());
    const text = expect.stringContaining('made when needed') as string;
    expect(checkStoreFolder(join(dir, 'lib', 'x.db'), USER)).toMatchObject({ state: 'ok', text });
    expect(checkSpoolFolder(join(dir, 'a', 'b'), USER)).toMatchObject({ state: 'ok', text });
    expect(readdirSync(dir)).toEqual([]);
  });

  test('that are missing, and cannot be made', () => {
    const dir = take(temporaryFolder());
    const install = expect.stringContaining(`install -d -m 0750 ${asOwner(USER)}`) as string;
    expect(checkStoreFolder(join(dir, 'lib', 'x.db'), USER)).toMatchObject({
      state: 'problem',
      fix: install,
    });
    expect(checkSpoolFolder(join(dir, 'spool'), USER)).toMatchObject({ state: 'problem', fix: install });
  });

  test('with files of the database that belong to somebody else', () => {
    const dir = give(temporaryFolder());
    file(join(dir, 'x.db'), '');
    const log = file(join(dir, 'x.db-wal'), '', 0o400);
    if (IS_ROOT) chownSync(log, 0, 0);
    const text = `${USER.called} may not write to ${log}`;
    expect(checkStoreFolder(join(dir, 'x.db'), USER)).toMatchObject({ state: 'problem', text });
    rmSync(log);
    expect(checkStoreFolder(join(dir, 'x.db'), USER)).toMatchObject({ state: 'ok' });
  });
});
