import { existsSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { liveProcesses } from './cyrus-processes.ts';
import { message } from './cyrus-host.ts';
import { describeWithDovecot, startDovecot } from './dovecot.ts';
import { loginImap } from './imap.ts';
import { deliver } from './lmtp.ts';

describeWithDovecot('a Dovecot for tests', () => {
  it('delivers, serves IMAP over TLS, and leaves neither a process nor a file behind', async () => {
    const dovecot = await startDovecot({});
    onTestFinished(() => dovecot.stop());
    const imap = await loginImap(dovecot, 'alice');
    await imap.command('SELECT INBOX');
    const [reply] = await deliver(dovecot.lmtpPort, 'bob@example.net', ['alice'], message('hello'));
    expect(reply?.code).toBe(250);
    await imap.command('NOOP');
    expect((await imap.command('STATUS INBOX (MESSAGES)')).lines).toContain('* STATUS INBOX (MESSAGES 1)');
    // Its services do not name their configuration: they are known as descendants of its master.
    const before = liveProcesses();
    const master = before.filter(({ command }) => command.includes(dovecot.dir)).map(({ pid }) => pid);
    const services = before.filter(({ ppid }) => master.includes(ppid)).map(({ pid }) => pid);
    expect(services.length).toBeGreaterThan(3);
    await dovecot.stop();
    await imap.close();
    const left = new Set(liveProcesses().map(({ pid }) => pid));
    expect([...master, ...services].filter((pid) => left.has(pid))).toEqual([]);
    expect(existsSync(dovecot.dir)).toBe(false);
  });

  it('says why it does not start', async () => {
    const wrong = startDovecot({ configuration: () => 'no_such_setting = yes\n' });
    await expect(wrong).rejects.toThrow(/does not answer.*no_such_setting/s);
  });
});
