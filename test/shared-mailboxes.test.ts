import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { readEvents } from '../src/events/read.ts';
import type { Entry } from '../src/history/entry.ts';
import { historyFolder } from '../src/history/history.ts';
import { readHistory } from '../src/history/read.ts';
import { rowOf } from '../src/history/row.ts';
import { IN_FULL } from '../src/terminal/layout.ts';
import { createIntake } from '../src/intake/intake.ts';
import { createTestClock } from './support/clock.ts';
import { captured, tokenNumber } from './support/events.ts';
import { sandboxHere } from './support/here.ts';
import { recordedLog } from './support/recorded-log.ts';
import { NOW_MS, registered, temporaryFolder, testStore } from './support/store.ts';

/** Those users asked for Alice's INBOX; gives who is told of an event there, why not the others, and the history. */
async function told(
  event: object,
  asking = ['alice', 'bob', 'carol'],
): Promise<{ users: string[]; silent: string[]; history: Entry[] }> {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, 'config.yaml'),
    `store: ${folder}/x.db\nimapd_conf: ${folder}/none\ntargets: { shared_mailboxes: true }\n`,
  );
  const store = testStore(join(folder, 'x.db'));
  const ids = new Map<number, string>();
  for (const [index, user] of asking.entries())
    ids.set(await registered(store, { user, deviceToken: tokenNumber(index), ...ALICES }), user);
  const intake = createIntake({
    config: loadConfig(join(folder, 'config.yaml'), {}),
    ...{ clock: createTestClock(NOW_MS), log: recordedLog(), store: () => store, newApnsId: () => 'id' },
  });
  const [item] = readEvents([Buffer.from(`${JSON.stringify(event)}\n`)]);
  const { targetIds, silent } = await intake(item!);
  await turn();
  const all = { limit: 9, sinceMs: 0, maxEntries: 9, wanted: () => true };
  const history = readHistory(historyFolder(store.file), all);
  return { users: targetIds.map((id) => ids.get(id) ?? '?'), silent, history };
}

const ALICES = { subscriptions: [{ owner: 'alice', path: 'INBOX', name: 'INBOX', hash: 'md5 of it' }] };

const mail = JSON.parse(captured('0060-MessageNew-lmtp-inbox.json').toString()) as Record<string, unknown>;
const withAcl = (acl: unknown): object => ({ ...mail, 'vnd.cmu.mailboxACL': acl });

describe('of a mailbox of somebody else is told', () => {
  test.each([
    ['who has r', 'alice\tlrswipkxtecdan\tbob\tlrswipkxtecd\t', ['alice', 'bob']],
    ['everybody, where anyone has r', 'anyone\tlrs\t', ['alice', 'bob', 'carol']],
    ['nobody but the owner', 'alice\tlrswipkxtecdan\tanyone\tp\t', ['alice']],
    ['nobody of a group', 'alice\tlrs\tgroup:staff\tlrs\t', ['alice']],
    ['the owner, whatever the list says', '-alice\tlrs\t', ['alice']],
    ['nobody by an event without rights', undefined, ['alice']],
    ['nobody by rights that are none', 7, ['alice']],
  ])('%s', async (_, acl, users) => expect((await told(withAcl(acl))).users.sort()).toEqual(users));

  test('the history says who is not told and why', async () => {
    const { users, history } = await told(withAcl('alice\tlrs\tbob\tlp\t'));
    expect(users).toEqual(['alice']);
    const reason = `2 devices ${DENIED}`;
    expect(history).toMatchObject([{ event: 'MessageNew', decision: 'push', targets: 1, reason }]);
    expect(rowOf(history[0]!, IN_FULL).at(-1)).toContain(reason);
  });

  test('where nobody may read it, the history says so, and who waits for a push', async () => {
    const { users, silent, history } = await told(withAcl('anyone\tp\t'), ['bob']);
    expect(users).toEqual([]);
    expect(history).toMatchObject([{ decision: 'nobody', targets: 0, reason: `1 device ${DENIED}` }]);
    expect(silent).toEqual([`MessageNew in alice:INBOX: 1 device ${DENIED}`]);
  });

  test('--wait prints it', async () => {
    const sandbox = sandboxHere('targets: { shared_mailboxes: true }\n');
    onTestFinished(() => sandbox.remove());
    await registered(testStore(sandbox.store), { user: 'bob', ...ALICES });
    const input = JSON.stringify(withAcl('anyone\tp\t'));
    const { stdout, stderr } = await sandbox.run(['handle', '--wait'], { input });
    expect(`${stdout}${stderr}`).toContain(`no push: MessageNew in alice:INBOX: 1 device ${DENIED}`);
  });
});

const DENIED = 'may not read this mailbox: its user has no right r there';
