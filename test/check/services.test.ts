import { createServer } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkServices } from '../../src/check/services.ts';
import { loadConfig } from '../../src/config/load.ts';
import { startPushService } from '../support/push-service.ts';
import { testDictDoor } from '../support/dict-door.ts';
import { temporaryFolder } from '../support/store.ts';
import { vapidPem } from '../support/web-push-app.ts';

/** The points of a configuration with these lines, in its folder. */
async function checked(yaml: string, timeoutMs = 5000): Promise<string[]> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'secret'), 'a secret of 16 or more\n');
  writeFileSync(join(folder, 'good.pem'), vapidPem());
  writeFileSync(join(folder, 'bad.pem'), 'no key');
  writeFileSync(join(folder, 'config.yaml'), yaml.replaceAll('FOLDER', folder));
  const points = await checkServices(loadConfig(join(folder, 'config.yaml'), {}), timeoutMs);
  return points.map(({ point, state, text }) => `${point}: ${state}: ${text.replaceAll(folder, 'FOLDER')}`);
}

test('nothing is looked at where nothing is switched on', async () => {
  expect(await checked('')).toEqual([]);
});

test.each([
  ['good.pem', 'ok: FOLDER/good.pem is one'],
  ['new.pem', 'ok: FOLDER/new.pem is made with the first notice; back it up then'],
  ['bad.pem', expect.stringMatching(/problem: FOLDER\/bad\.pem cannot be used: /) as string],
])('the key of Web Push in %s', async (file, told) => {
  const yaml = `webpush: { enabled: true, subject: mailto:a@example.org, key_file: FOLDER/${file} }\n`;
  const [point = ''] = await checked(yaml);
  expect(point.replace('Web Push: key: ', '')).toEqual(told);
});

describe('whom notices go to', () => {
  test('is reached without a word, and its path stays untold', async () => {
    const service = await startPushService();
    const urls = `webhook: { urls: ["${service.url}secret-path"], secret_file: FOLDER/secret }\n`;
    const delta = `deltachat: { enabled: true, notify: "${service.url}notify" }\n`;
    const host = new URL(service.url).host;
    expect(await checked(delta + urls)).toEqual([
      `Delta Chat: ok: ${host} answers`,
      `Webhook: ok: ${host} answers`,
    ]);
    expect(service.asked).toEqual([]);
  });

  test.each([
    ['has a certificate that we do not trust', true],
    ['does not answer', false],
  ])('that %s is a problem', async (_what, speaks) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      if (speaks) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const [point = ''] = await checked(
      `webhook: { urls: ["https://127.0.0.1:${port}/"], secret_file: FOLDER/secret }\n`,
      300,
    );
    expect(point).toMatch(new RegExp(`^Webhook: problem: 127\\.0\\.0\\.1:${port}: `));
    expect(point).not.toContain('secret');
  });
});

describe('the socket of METADATA', () => {
  test('is asked as Dovecot does', async () => {
    const { path } = await testDictDoor();
    expect(await checked(`serve: { dict: ${path} }\n`)).toEqual([
      `METADATA socket: ok: serve answers at ${path}`,
    ]);
  });

  test('where nobody is is a problem', async () => {
    const path = join(temporaryFolder(), 'dict.sock');
    const [point = ''] = await checked(`serve: { dict: ${path} }\n`);
    expect(point).toContain(`METADATA socket: problem: nobody answers at ${path}: connect ENOENT`);
  });
});
