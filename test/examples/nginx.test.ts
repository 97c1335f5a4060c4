import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createWorkshop, type Workshop } from '../apns/credential-workshop.ts';
import { eventually } from '../support/command.ts';
import { freePort } from '../support/cyrus-port.ts';
import { capturedRequest, testDoor, TOPIC } from '../support/http-door.ts';
import { describeWithTools } from '../support/needs.ts';
import { temporaryFolder } from '../support/store.ts';

/** The block of docs/serve.md. */
const BLOCK = /```nginx\n([\s\S]*?)```/.exec(
  readFileSync(new URL('../../docs/serve.md', import.meta.url), 'utf8'),
)?.[1];

const PASSWORD = 'a secret of the tests';
const NEW_MAIL = '{"Username":"alice","Mailbox":"INBOX","Events":["MessageNew"]}';

describeWithTools({ nginx: 'nginx', openssl: 'openssl' }, 'nginx in front of the HTTP door', () => {
  let workshop: Workshop;
  let [certificate, key]: string[] = [];
  beforeAll(() => {
    workshop = createWorkshop();
    key = workshop.key('ec');
    const extensions = 'subjectAltName=DNS:push.example.org\n';
    certificate = workshop.certificate({ key, subject: '/CN=push', extensions });
  });
  afterAll(() => workshop.remove());

  /** As the docs have it, but for places of the tests' own. */
  const startNginx = async (door: string): Promise<number> => {
    const folder = temporaryFolder();
    const port = await freePort();
    const passwords = join(folder, 'passwords');
    writeFileSync(passwords, `phone:{PLAIN}${PASSWORD}\n`);
    const places: [string, string][] = [
      ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
      ['/etc/ssl/push.example.org.pem', certificate!],
      ['/etc/ssl/private/push.example.org.key', key!],
      ['/etc/nginx/xapplepush.htpasswd', passwords],
      ['[::1]:11619', door],
    ];
    const server = places.reduce((text, [from, to]) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    }, BLOCK ?? '');
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const temporary = folders.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
    const file = join(folder, 'nginx.conf');
    const user = process.getuid?.() === 0 ? 'user root;' : '';
    writeFileSync(
      file,
      `daemon off; ${user} pid ${folder}/pid; worker_processes 1; error_log ${folder}/error.log;
events {}\nhttp {\naccess_log off; ${temporary}\n${server}\n}\n`,
    );
    const child = spawn('nginx', ['-e', `${folder}/error.log`, '-p', folder, '-c', file], {
      stdio: 'ignore',
    });
    onTestFinished(() => end(child));
    await eventually(
      () => statusOf(port, 'GET', '/').catch(() => 0),
      (status) => {
        if (child.exitCode !== null) throw new Error(readFileSync(`${folder}/error.log`, 'utf8'));
        return status !== 0;
      },
    );
    return port;
  };
  const asked = (
    port: number,
    method: string,
    path: string,
    { body, password }: { body?: string | Buffer; password?: string } = {},
  ): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const auth = password === undefined ? null : `phone:${password}`;
      const options = { host: '127.0.0.1', port, servername: 'push.example.org', method, path, auth };
      const headers = { 'Content-Type': 'application/json', Host: 'push.example.org' };
      const sent = request(
        { ...options, headers, ca: readFileSync(workshop.ca), agent: false },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (more: string) => (text += more));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        },
      );
      sent.on('error', reject).end(body);
    });
  const statusOf = async (...given: Parameters<typeof asked>): Promise<number> =>
    (await asked(...given)).status;

  test('speaks TLS, wants the password, and hands on what the door takes', async () => {
    const door = await testDoor();
    const port = await startNginx(door.address);
    expect(await statusOf(port, 'POST', '/events', { body: NEW_MAIL })).toBe(401);
    expect(await statusOf(port, 'POST', '/events', { body: NEW_MAIL, password: 'wrong' })).toBe(401);
    expect(door.received).toEqual([]);
    const password = PASSWORD;
    const { body } = capturedRequest('xaps-register-01-ios');
    expect(await asked(port, 'POST', '/register', { body, password })).toEqual({ status: 200, body: TOPIC });
    expect(await statusOf(port, 'POST', '/events', { body: NEW_MAIL, password })).toBe(202);
    expect(await statusOf(port, 'GET', '/healthz', { password })).toBe(200);
    expect(door.received).toHaveLength(2);
    const large = Buffer.alloc(1024 * 1024 + 1, ' ');
    expect(await statusOf(port, 'POST', '/events', { body: large, password })).toBe(413);
  });
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
