import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cyrusInstallation } from './cyrus-installation.ts';
import { liveProcesses } from './cyrus-processes.ts';
import { describeWithCyrus, startCyrus } from './cyrus.ts';
import { deliver } from './lmtp.ts';

// Seconds to sleep, by which the children of the hanging handler of this very test run are told apart.
const [LEAKY, CLEAN, HUNG] = [1, 2, 3].map((child) => `${process.pid}${child}`) as [string, string, string];

describeWithCyrus('stopping a Cyrus', () => {
  it('leaves neither a process nor a file behind, not even those of a hung handler', async () => {
    const { handler, remove } = await hangingHandler();
    const cyrus = await startCyrus({ notifyExternal: handler, apsTopic: 'topic', users: ['alice'] });
    const notifyd = cyrus.notifydPid();
    expect(notifyd).toBeTypeOf('number');
    await deliver(cyrus.lmtpPort, 'bob@example.net', ['alice'], 'Message-ID: <1@example.net>\n\nhello\n');
    await expect.poll(sleepers, { timeout: 10_000 }).toEqual([LEAKY, CLEAN, HUNG]);
    expect(cyrus.notifydPid()).toBe(notifyd);
    await cyrus.stop();
    await remove();
    expect(existsSync(cyrus.dir)).toBe(false);
    expect(cyrus.notifydPid()).toBeUndefined();
    expect(liveProcesses().filter(({ command }) => command.includes(cyrus.dir))).toEqual([]);
    expect(sleepers()).toEqual([]);
  });
});

/**
 * A handler that hangs, and that has detached two children into sessions of their own: one keeps the descriptors
 * that notifyd leaks, the other closes them and is known by its path alone.
 */
async function hangingHandler(): Promise<{ handler: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'hang-'));
  await chmod(dir, 0o755);
  const handler = join(dir, 'handler');
  await symlink('/bin/sleep', join(dir, 'idle'));
  await writeFile(
    handler,
    `#!/bin/sh
setsid sleep ${LEAKY} &
setsid ${dir}/idle ${CLEAN} </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
sleep ${HUNG}
`,
  );
  await chmod(handler, 0o755);
  return { handler, remove: () => rm(dir, { recursive: true }) };
}

function sleepers(): string[] {
  return [LEAKY, CLEAN, HUNG].filter((seconds) => asCyrus(`sleep ${seconds}`, `idle ${seconds}`).length > 0);
}

function asCyrus(...endings: string[]): string[] {
  const { uid } = cyrusInstallation();
  return liveProcesses()
    .filter((entry) => entry.uid === uid && endings.some((ending) => entry.command.endsWith(ending)))
    .map(({ command }) => command);
}
