import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkHandler, judgeStart } from '../../src/check/handler.ts';
import { VERSION } from '../../src/process/installation.ts';
import { temporaryFolder } from '../support/store.ts';
import { file, give, IS_ROOT, USER } from './setup.ts';

/** The points for a program of that name and content. */
function check(name: string, content: string, mode = 0o755): string[] {
  const path = file(join(temporaryFolder(), name), content, mode);
  return states(path);
}

/** Where notify_external is to be set. */
const PLACE = 'in /etc/imapd.conf';

function states(path: string | undefined): string[] {
  return checkHandler(path, USER, { environment: {}, place: PLACE }).map(
    ({ point, state, text }) => `${point} ${state}: ${text}`,
  );
}

describe('notify_external', () => {
  test('has the line to set as its fix', () => {
    const [point] = checkHandler(undefined, USER, { environment: {}, place: PLACE });
    expect(point?.fix).toBe('in /etc/imapd.conf: notify_external: /usr/bin/xapplepush');
  });

  test('is not set', () => {
    expect(states(undefined)).toEqual([
      ...[
        'notify_external problem: not set: notifyd starts nothing',
        'handler skipped: needs first: notify_external',
      ],
    ]);
  });

  test.each<[string, string, number, RegExp]>([
    ['a file that nobody may execute', '#!/bin/sh\n', 0o644, /problem: .* may not execute/],
    [
      'an interpreter that is not there',
      '#!/no/such/sh -e\n',
      0o755,
      /problem: .*#!\/no\/such\/sh, which does not/,
    ],
  ])('%s', (_name, content, mode, want) => {
    const [path, handler] = check('xapplepush', content, mode);
    expect(path).toMatch(want);
    expect(handler).toBe('handler skipped: needs first: notify_external');
  });

  test('a path with arguments, a folder, nothing', () => {
    const dir = give(temporaryFolder());
    expect(states(`${dir}/xapplepush --wait`)[0]).toMatch(/problem: there is no .*without arguments$/);
    expect(states(dir)[0]).toMatch(/problem: .* is no file$/);
    expect(states(`${dir}/none`)[0]).toBe(`notify_external problem: there is no ${dir}/none`);
  });

  test('a folder on the way that is closed', () => {
    const dir = temporaryFolder();
    const closed = join(dir, 'closed');
    mkdirSync(closed);
    const path = file(join(closed, 'xapplepush'), '#!/bin/sh\n', 0o755);
    chmodSync(closed, IS_ROOT ? 0o700 : 0);
    expect(states(path)[0]).toContain(`it may not enter ${closed}`);
    chmodSync(closed, 0o755);
  });
});

describe('the handler', () => {
  test('starts, also by a link of another name', () => {
    const dir = temporaryFolder();
    const path = file(join(dir, 'xapplepush'), `#!/bin/sh\necho ${VERSION}\n`, 0o755);
    const want = `handler ok: starts as ${USER.called} without a PATH, version ${VERSION}`;
    expect(states(path)[1]).toBe(want);
    symlinkSync(path, join(dir, 'link'));
    expect(states(join(dir, 'link'))[1]).toBe(want);
  });

  test('is started as the mail user, in the root folder, without an environment', () => {
    const script = `#!/bin/sh\n[ "$(/usr/bin/id -u)" = ${USER.uid} ] && [ "$(pwd)" = / ] && [ -z "$HOME$USER" ] && echo ${VERSION}\n`;
    expect(check('xapplepush', script)[1]).toMatch(/^handler ok/);
  });

  test('is of another version', () => {
    expect(check('xapplepush', '#!/bin/sh\necho 0.0.1\n')[1]).toBe(
      `handler warning: Cyrus starts version 0.0.1, and this is ${VERSION}`,
    );
  });

  test('finds no Node', () => {
    expect(check('xapplepush', '#!/bin/sh\nexec no-such-node\n')[1]).toMatch(
      /^handler problem: .*finds no Node: /,
    );
  });

  test('fails', () => {
    const [, handler] = check(
      'xapplepush',
      '#!/bin/sh\necho first >&2\necho "Error: no module" >&2\nexit 3\n',
    );
    expect(handler).toMatch(/^handler problem: .* ends with 3: Error: no module$/);
  });

  test('does not end, or cannot be started', () => {
    expect(judgeStart('/x', 'user y', { code: 'ETIMEDOUT' })).toMatchObject({ state: 'problem' });
    expect(judgeStart('/x', 'user y', { code: 'ENOEXEC' }).text).toContain('fails: ENOEXEC');
  });

  test('is another program, which is not started', () => {
    expect(check('wrapper', '#!/bin/sh\nexit 1\n')[1]).toMatch(/^handler warning: .*is not tried$/);
    expect(check('wrapper', '#!/usr/bin/env python3\n')[1]).toMatch(
      /^handler warning: .*finds python3 by PATH/,
    );
    expect(check('xapplepush-spool', '#!/bin/sh\nexit 1\n')[1]).toMatch(/^handler ok: .*into the spool/);
  });
});
