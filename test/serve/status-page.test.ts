import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { messageOf, OperatorError } from '../../src/process/errors.ts';
import { keepPages, makePage } from '../../src/serve/status-page.ts';
import { configure, createSandbox, eventually } from '../support/command.ts';
import { ask } from '../support/http-door.ts';
import { startServe } from '../support/serve.ts';
import { temporaryFolder } from '../support/store.ts';

describe('pages', () => {
  /** Pages that are made when the test says so. */
  function kept() {
    let nowMs = 0;
    const made: string[] = [];
    const finish: ((error?: Error) => void)[] = [];
    const pages = keepPages(
      (user) => {
        made.push(user);
        return new Promise((resolve, reject) =>
          finish.push((error) =>
            error === undefined ? resolve({ headers: {}, body: user }) : reject(error),
          ),
        );
      },
      () => nowMs,
    );
    return { pages, made, finish, pass: (ms: number) => void (nowMs += ms) };
  }

  test('are shared for five seconds, and made one after the other', async () => {
    const { pages, made, finish, pass } = kept();
    const [all, again, bob] = [pages(''), pages(''), pages('bob')];
    expect(again).toBe(all);
    await Promise.resolve();
    expect(made).toEqual(['']);
    pass(60_000); // while it is made it is fresh
    expect(pages('')).toBe(all);
    finish[0]?.();
    expect((await all)?.body).toBe('');
    await new Promise(setImmediate);
    expect(made).toEqual(['', 'bob']);
    pass(4999);
    expect(pages('')).toBe(all);
    pass(1);
    expect(pages('')).not.toBe(all);
    finish[1]?.();
    expect((await bob)?.body).toBe('bob');
  });

  test('are four at once, one that fails among them', async () => {
    const { pages, finish, pass } = kept();
    const first = pages('1');
    for (const user of ['2', '3', '4']) expect(pages(user)).toBeDefined();
    expect(pages('5')).toBeUndefined();
    await Promise.resolve();
    finish[0]?.(new Error('broken'));
    await expect(first).rejects.toThrow('broken');
    pass(5000);
    expect(pages('5')).toBeDefined();
  });
});

describe('a page is made', () => {
  /** By a program that does this. */
  function making(script: string, ending = new AbortController().signal) {
    const program = join(temporaryFolder(), 'program.cjs');
    writeFileSync(program, script);
    const command = [process.execPath, program];
    return makePage({ configFile: '/etc/x.yaml', user: 'żółw --json', ending, command });
  }

  test('of the user in standard input, whom no argument names to others on the host', async () => {
    const { body } = await making(`
      const user = require('node:fs').readFileSync(0, 'utf8');
      console.log(JSON.stringify({ headers: {}, body: [user, ...process.argv.slice(2)].join(',') }));`);
    expect(body).toBe('żółw --json,--config,/etc/x.yaml,status,--page');
  });

  test.each([
    ['console.log("no page")', /^the status page cannot be made: what was made is no page \(/],
    ['console.error("no store"); process.exit(75)', /^the status page cannot be made: no store$/],
    ['process.exit(75)', /^the status page cannot be made: Command failed: /],
    ['console.log("x".repeat(9e6))', /^the status page cannot be made: .*maxBuffer/],
  ])('or it is told why not: %s', async (script, message) => {
    const thrown: unknown = await making(script).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(OperatorError);
    expect(messageOf(thrown)).toMatch(message);
  });

  test('by nobody once serve ends', async () => {
    const [ending, started] = [new AbortController(), join(temporaryFolder(), 'started')];
    const script = `require('node:fs').writeFileSync('${started}', \`\${process.pid}\`); setTimeout(() => 0, 60_000);`;
    const [underWay, why] = [
      making(script, ending.signal),
      'the status page cannot be made: serve is ending',
    ];
    const ended = expect(underWay).rejects.toThrow(why);
    const pid = await eventually(() => existsSync(started) && readFileSync(started, 'utf8'), Boolean);
    ending.abort();
    await ended;
    await eventually(
      () => existsSync(`/proc/${pid}`),
      (lives) => !lives,
    );
    await expect(making(script, ending.signal)).rejects.toThrow(why);
  });
});

test('serve shows it, as it is in the store, by a process of its own', async () => {
  const sandbox = createSandbox('');
  onTestFinished(() => sandbox.remove());
  const socket = join(sandbox.dir, 'http.sock');
  configure(sandbox, `serve: { status: true, http: 'unix:${socket}' }\n`);
  const served = await startServe(sandbox);
  onTestFinished(async () => {
    await served.end('SIGTERM');
  });
  const at = { address: `unix:${socket}` };
  const { status, headers, body } = await ask(at, 'GET', '/status?user=--json');
  expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  const style = createHash('sha256')
    .update(/<style>(.*)<\/style>/s.exec(body)?.[1] ?? '')
    .digest('base64');
  expect(headers['content-security-policy']).toContain(`default-src 'none'; style-src 'sha256-${style}'; `);
  expect(headers['cache-control']).toBe('no-store');
  expect(body).toContain('Nothing about this user: no device of --json has registered.');
  expect(body).toMatch(/<th scope="row">serve<\/th>\s*<td><span[^>]*>running since/);
  writeFileSync(sandbox.configFile, 'no: configuration\n');
  const failed = await ask(at, 'GET', '/status?user=bob');
  expect([failed.status, failed.body]).toEqual([503, expect.stringMatching(/cannot be made: .*\n.*hint: /s)]);
  expect(served.stderr()).toContain('the status page cannot be made: ');
});
