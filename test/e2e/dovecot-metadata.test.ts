import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Activator, startActivator } from '../support/activator.ts';
import { eventually } from '../support/command.ts';
import { message } from '../support/cyrus-host.ts';
import { spoolFragment } from '../support/dovecot-config.ts';
import { createDovecotHost, type DovecotHost } from '../support/dovecot-host.ts';
import { dovecotInstallation } from '../support/dovecot-installation.ts';
import { describeWithDovecot, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { type ImapClient, loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { openPushService, type PushService } from '../support/push-service.ts';

const [ONE, OTHER] = ['openpgp:AAAA', 'openpgp:BBBB'];
const TOKEN = '/private/devicetoken';

describeWithDovecot('METADATA of a real Dovecot', () => {
  let service: PushService & { close: () => void };
  let host: DovecotHost;
  let activator: Activator;
  let serve: number;
  let dovecot: Dovecot;
  let alice: ImapClient;

  beforeAll(async () => {
    service = await openPushService();
    host = await createDovecotHost(`delivery: { throttle: 1s }
deltachat: { enabled: true, notify: "${service.url}notify" }\n`);
    const { uid, gid } = dovecotInstallation();
    const path = join(host.sandbox.dir, 'dict.sock');
    activator = await startActivator(host.sandbox, [{ name: 'dict', path }], { owner: [uid, gid] });
    serve = (await activator.start()).pid;
    dovecot = await startDovecot({
      configuration: (script) =>
        `${spoolFragment(script('push.lua'), host.sandbox.spool)}\n${metadataLines(path)}`,
      directories: [host.sandbox.dir],
    });
    alice = await loginImap(dovecot, 'alice');
  });
  afterAll(async () => {
    await alice.close();
    await dovecot.stop();
    activator.close();
    await host.close();
    service.close();
  });

  const set = async (mailbox: string, entry: string, value: string): Promise<string> =>
    (await alice.command(`SETMETADATA "${mailbox}" (${entry} ${value})`)).status;
  const get = async (mailbox: string, entry: string): Promise<string> =>
    (await alice.command(`GETMETADATA "${mailbox}" (${entry})`)).lines.join('\n');
  const deliverToAlice = async (): Promise<number> => {
    const [reply] = await deliver(dovecot.lmtpPort, 'bob@example.net', ['alice'], message('a secret'));
    expect(reply?.code).toBe(250);
    return reply?.tookMs ?? NaN;
  };
  const tokens = (): string[] => service.asked.map(({ body }) => body.toString()).sort();

  test('says that Delta Chat may register', async () => {
    expect((await alice.command('CAPABILITY')).lines.join()).toContain('XDELTAPUSH');
    const entry = '/shared/vendor/deltachat/maxsmtprecipients';
    expect(await get('', entry)).toMatch(/maxsmtprecipients (?:"50"|\{2\}\r?\n50)/);
  });

  test('of two devices registers both, and both hear of mail', async () => {
    for (const token of [ONE, OTHER]) expect(await set('INBOX', TOKEN, `"${token}"`)).toBe('OK');
    expect(await get('INBOX', TOKEN)).toContain(OTHER);
    await deliverToAlice();
    expect(await eventually(tokens, ({ length }) => length === 2)).toEqual([ONE, OTHER]);
  });

  test('of any client is kept, by mailbox, and goes when it is taken back', async () => {
    expect(await set('', '/private/comment', '"of the server"')).toBe('OK');
    expect(await set('INBOX', '/private/comment', '"a \\"quoted\\" one"')).toBe('OK');
    expect(await set('INBOX', '/shared/comment', '"for all"')).toBe('OK');
    expect(await get('', '/private/comment')).toContain('of the server');
    expect(await get('INBOX', '/private/comment')).toContain('quoted');
    expect(await get('INBOX', '/shared/comment')).toContain('for all');
    expect(await set('INBOX', '/private/comment', 'NIL')).toBe('OK');
    expect(await get('INBOX', '/private/comment')).not.toContain('quoted');
    expect(await get('', '/private/comment')).toContain('of the server');
  });

  test('is listed and set by doveadm', () => {
    const doveadm = (...words: string[]): string => {
      const args = ['-c', join(dovecot.dir, 'dovecot.conf'), 'mailbox', 'metadata', ...words];
      return execFileSync('doveadm', args, { encoding: 'utf8' });
    };
    // It lists names without what they are below.
    doveadm('set', '-u', 'alice', 'INBOX', '/private/by-doveadm', 'a value');
    expect(doveadm('list', '-u', 'alice', 'INBOX').split('\n')).toEqual(
      expect.arrayContaining(['by-doveadm', 'devicetoken', 'comment']),
    );
    expect(doveadm('get', '-u', 'alice', 'INBOX', '/private/by-doveadm')).toContain('a value');
  });

  test('that is too long is refused, and nothing of it is kept', async () => {
    const reply = await alice.command(`SETMETADATA "INBOX" (/private/long {5000+}\r\n${'x'.repeat(5000)})`);
    expect(reply.status).toBe('NO');
    expect(await get('INBOX', '/private/long')).not.toContain('xxx');
  });

  test('survives kill -9, and a restart is waited for', async () => {
    await activator.end(serve, 'SIGKILL');
    const value = get('INBOX', TOKEN);
    serve = (await activator.start()).pid;
    expect(await value).toContain(OTHER);
    expect(dovecot.log()).not.toMatch(/Panic|Fatal/);
  });

  test('where nobody answers fails soon, while mail is delivered and told as fast as ever', async () => {
    const beforeMs = await deliverToAlice();
    await activator.end(serve, 'SIGTERM');
    activator.close();
    expect(await deliverToAlice()).toBeLessThan(Math.max(10 * beforeMs, 1000));
    await (await loginImap(dovecot, 'alice')).close();
    expect(await set('INBOX', TOKEN, `"${ONE}"`)).toBe('NO');
  });
});

/** As docs/metadata.md has them for the Dovecot that is installed. */
function metadataLines(socket: string): string {
  const page = readFileSync(new URL('../../docs/metadata.md', import.meta.url), 'utf8');
  const { version } = dovecotInstallation();
  const [, lines] = new RegExp(`^Dovecot ${version}:\n\n\`\`\`\n([^]*?)^\`\`\`$`, 'm').exec(page) ?? [];
  if (lines === undefined) throw new Error(`docs/metadata.md has no lines for Dovecot ${version}`);
  return lines.replaceAll('/run/xapplepush/dict.sock', socket);
}
