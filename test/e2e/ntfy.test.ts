import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { withMockApns } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { freePort } from '../support/cyrus-port.ts';
import { describeWithTools } from '../support/needs.ts';
import { served, settingFor } from '../support/serving.ts';
import { temporaryFolder } from '../support/store.ts';
import { webPushApp } from '../support/web-push-app.ts';

const [, DEBIAN = ''] = /^VERSION_ID="(\d+)"/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? [];

/** A push server of UnifiedPush, which takes Web Push for apps; Debian has it from 13 on. */
if (DEBIAN === '12') describe.skip('ntfy – Debian 12 has none', () => test.todo('runs on Debian 13'));
else describeWithTools({ ntfy: 'ntfy' }, 'ntfy', takesWhatWeSend);

function takesWhatWeSend(): void {
  test('takes what we send, and hands the app what it can read', async () => {
    await withMockApns({}, async (apns) => {
      const ntfy = await startNtfy();
      const { config } = settingFor(apns, (folder) => {
        writeFileSync(`${folder}/password`, 'webmail:secret\n', { mode: 0o600 });
        return `serve: { http: 127.0.0.1:0, http_password_file: ${folder}/password }
delivery: { throttle: 1s }
webpush: { enabled: true, subject: mailto:postmaster@example.org, allow_private_addresses: true }\n`;
      });
      const serve = await served(config);
      const [, address = ''] = /http (127\.0\.0\.1:\d+)/.exec(JSON.stringify(serve.log.entries)) ?? [];
      const post = async (path: string, body: string): Promise<unknown> => {
        const headers = { Authorization: AUTHORIZATION, 'Content-Type': 'application/json' };
        return (await fetch(`http://${address}${path}`, { method: 'POST', headers, body })).json();
      };
      const app = webPushApp();
      const events = async (): Promise<unknown[]> =>
        (await messages(ntfy)).map(
          (message) => (JSON.parse(app.decrypt(message)) as { event: unknown }).event,
        );

      const subscription = app.subscriptionAt(`${ntfy}?up=1`);
      expect(await post('/webpush/subscriptions?user=alice', subscription)).toEqual({ isProven: false });
      await eventually(events, (told) => told.length === 1);
      await eventually(
        () => post('/webpush/subscriptions?user=alice', subscription),
        (answer) => (answer as { isProven: boolean }).isProven,
      );
      await post(
        '/events',
        '{"dovecot":1,"user":"alice","events":[{"name":"MessageNew","mailbox":"INBOX"}]}',
      );
      expect(await eventually(events, (told) => told.length === 2)).toEqual(['validation', 'MessageNew']);
    });
  });
}

const AUTHORIZATION = `Basic ${Buffer.from('webmail:secret').toString('base64')}`;

/** Gives the place of a topic of it, on the loopback. */
async function startNtfy(): Promise<string> {
  const [port, folder] = [await freePort(), temporaryFolder()];
  const url = `http://127.0.0.1:${port}`;
  const file = join(folder, 'server.yml');
  writeFileSync(file, `base-url: ${url}\nlisten-http: 127.0.0.1:${port}\ncache-file: ${folder}/cache.db\n`);
  const server = spawn('ntfy', ['serve', '--config', file], { stdio: 'ignore' });
  onTestFinished(() => void server.kill('SIGKILL'));
  await eventually(
    () =>
      fetch(`${url}/v1/health`).then(
        ({ ok }) => ok,
        () => false,
      ),
    (isThere) => isThere,
  );
  return `${url}/upABCDEFGHIJKL`;
}

/** What an app gets that asks for what waits. */
async function messages(topic: string): Promise<Buffer[]> {
  const lines = (await (await fetch(`${topic}/json?poll=1`)).text())
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => Buffer.from((JSON.parse(line) as { message: string }).message, 'base64'));
}
