import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { readEvents } from '../src/events/read.ts';
import { createIntake } from '../src/intake.ts';
import { createTestClock } from './support/clock.ts';
import { captured, tokenNumber } from './support/events.ts';
import { recordedLog } from './support/recorded-log.ts';
import { NOW_MS, registered, temporaryFolder, testStore } from './support/store.ts';

/** Alice, Bob and Carol asked for Alice's INBOX; gives who is told of an event there. */
async function told(event: object): Promise<{ users: string[]; silent: string[] }> {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, 'config.yaml'),
    `imapd_conf: ${folder}/none\ntargets: { shared_mailboxes: true }\n`,
  );
  const store = testStore(join(folder, 'x.db'));
  const ids = new Map<number, string>();
  for (const [index, user] of ['alice', 'bob', 'carol'].entries()) {
    const subscriptions = [{ owner: 'alice', path: 'INBOX', name: 'INBOX', hash: undefined }];
    ids.set(await registered(store, { user, deviceToken: tokenNumber(index), subscriptions }), user);
  }
  const intake = createIntake({
    config: loadConfig(join(folder, 'config.yaml'), {}),
    ...{ clock: createTestClock(NOW_MS), log: recordedLog(), store: () => store, newApnsId: () => 'id' },
  });
  const [item] = readEvents([Buffer.from(`${JSON.stringify(event)}\n`)]);
  const { targetIds, silent } = await intake(item!);
  return { users: targetIds.map((id) => ids.get(id) ?? '?'), silent };
}

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

  test('and whoever waits for a push reads why there is none', async () => {
    const foreign = { ...withAcl('anyone\tp\t'), uri: 'imap://mail/user/alice;UIDVALIDITY=1/;UID=1' };
    expect((await told(foreign)).users).toEqual(['alice']);
  });
});
