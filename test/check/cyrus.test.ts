import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkCyrus, findCyrus } from '../../src/check/cyrus.ts';
import { temporaryFolder } from '../support/store.ts';
import { USER } from './setup.ts';

/** The points that are about how Cyrus reaches us, for an imapd.conf with these lines. */
function check(lines: string, serveSocket?: string): string[] {
  const imapdConf = join(temporaryFolder(), 'imapd.conf');
  writeFileSync(imapdConf, lines);
  const points = checkCyrus(findCyrus(imapdConf), {
    ...{ user: USER, credentials: undefined, serveSocket, sharedMailboxes: false, environment: {} },
  });
  const wanted = ['notifysocket', 'notify_external', 'handler'];
  return points
    .filter(({ point }) => wanted.includes(point))
    .map(({ point, state, text }) => `${point} ${state}: ${text}`);
}

function listening(path: string): Promise<void> {
  const server = createServer();
  onTestFinished(() => {
    server.close();
  });
  return new Promise((resolve) => server.listen(path, resolve));
}

describe('notifysocket', () => {
  test('is by default in configdirectory', async () => {
    const dir = temporaryFolder();
    expect(check('')[0]).toBe('notifysocket skipped: needs first: configdirectory in imapd.conf');
    const [missing] = check(`configdirectory: ${dir}\n`);
    expect(missing).toBe(`notifysocket problem: there is no ${dir}/socket/notify: notifyd does not run`);
    await listening(join(dir, 'notify'));
    expect(check(`notifysocket: ${dir}/notify\n`)[0]).toBe(`notifysocket ok: ${dir}/notify`);
    writeFileSync(join(dir, 'file'), '');
    expect(check(`notifysocket: ${dir}/file\n`)[0]).toBe(`notifysocket problem: ${dir}/file is no socket`);
  });

  test('with dlist: is for serve, which must listen there', async () => {
    const path = join(temporaryFolder(), 'cyrus.sock');
    const line = `notifysocket: dlist:${path}\n`;
    expect(check(line)[0]).toBe(
      `notifysocket problem: dlist:${path} is for xapplepush serve only, and serve.cyrus_socket is not set`,
    );
    expect(check(line, '/run/other.sock')[0]).toContain('serve.cyrus_socket is /run/other.sock');
    expect(check(line, path)[0]).toBe(`notifysocket problem: there is no ${path}: nobody listens`);
    await listening(path);
    const [socket, ...handler] = check(line, path);
    expect(socket).toBe(`notifysocket ok: dlist:${path}, which xapplepush serve listens on`);
    const unused = 'ok: not used: Cyrus connects to notifysocket by itself';
    expect(handler).toEqual([`notify_external ${unused}`, `handler ${unused}`]);
  });
});
