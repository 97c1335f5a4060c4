import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseDoveconf } from '../../src/check/dovecot/doveconf-output.ts';
import { judgeNamespaces } from '../../src/check/dovecot/namespaces.ts';
import { loadConfig } from '../../src/config/load.ts';
import { mailboxHash } from '../../src/mailboxes/mailbox-hash.ts';
import { message } from '../support/cyrus-host.ts';
import { spoolFragment } from '../support/dovecot-config.ts';
import { createDovecotHost, type DovecotHost } from '../support/dovecot-host.ts';
import {
  buildPlugin,
  describeWithPlugin,
  pluginFolder,
  pluginFragment,
  publicFragment,
  sharedFragment,
} from '../support/dovecot-plugin.ts';
import { type Dovecot, MAIL_USER, startDovecot } from '../support/dovecot.ts';
import { ACCOUNT_ID, tokenNumber } from '../support/events.ts';
import { type ImapClient, loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';

/** The prefixes of users by their whole names, by name and domain, and by the name alone. */
const PREFIXES = ['shared/%u/', 'domains/%d/%n/', 'names/%n/'];

const NAMESPACES = `dovecot: { namespaces: [${PREFIXES.map((prefix) => `{ prefix: ${prefix}, owner: '%u' }`).join(', ')}, { prefix: Public/, public: true }] }`;

const CONFIGURATION = `delivery: { linger: 1s, throttle: 0s, housekeeping_delay: 0s }
targets: { shared_mailboxes: true }
${NAMESPACES}
`;

const TOKENS = {
  ...{ alice: tokenNumber(1), bob: tokenNumber(2), carol: tokenNumber(3) },
  ...{ 'erin@example.org': tokenNumber(4), 'frank@example.org': tokenNumber(5) },
};
type User = keyof typeof TOKENS;
const [ERIN, FRANK] = ['erin@example.org', 'frank@example.org'] as const;

describeWithPlugin('mailboxes of others in a real Dovecot', () => {
  let host: DovecotHost;
  let dovecot: Dovecot;
  const sessions = new Map<User, ImapClient>();

  beforeAll(async () => {
    host = await createDovecotHost(CONFIGURATION);
    const { sandbox, apns } = host;
    const folder = pluginFolder(join(sandbox.dir, 'modules'), buildPlugin());
    const everybodys = join(sandbox.dir, 'public');
    for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(everybodys, '.News', part), { recursive: true });
    writeFileSync(join(everybodys, '.News/dovecot-acl'), 'anyone lrwstip\n');
    execFileSync('chown', ['-R', `${MAIL_USER}:`, everybodys]);
    dovecot = await startDovecot({
      configuration: (script) =>
        `${spoolFragment(script('push.lua'), sandbox.spool)}${sharedFragment(...PREFIXES)}${publicFragment(everybodys)}${pluginFragment(folder, apns.topic, sandbox.spool, 'all')}`,
    });
    for (const user of Object.keys(TOKENS) as User[]) sessions.set(user, await loginImap(dovecot, user));
    expect(await of('alice').command('CREATE Team')).toMatchObject({ status: 'OK' });
    expect(await of(ERIN).command('CREATE Team')).toMatchObject({ status: 'OK' });
    for (const folder of ['', '.Team']) {
      allow('alice', folder, 'user=bob lrwstip\n');
      allow(ERIN, folder, `user=${FRANK} lrwstip\n`);
    }
  });
  afterAll(async () => {
    for (const session of sessions.values()) await session.close();
    await dovecot.stop();
    await host.close();
  });
  beforeEach(() => {
    forget(host.apns);
  });

  const of = (user: User): ImapClient => {
    const session = sessions.get(user);
    if (session === undefined) throw new Error(`${user} has not logged in`);
    return session;
  };
  /** Rights in one of that user's mailboxes. */
  const allow = (user: User, folder: string, rights: string): void => {
    const file = join(dovecot.dir, 'mail', user, 'Maildir', folder, 'dovecot-acl');
    writeFileSync(file, rights);
    execFileSync('chown', [`${MAIL_USER}:`, file]);
  };
  const register = async (user: User, ...mailboxes: string[]): Promise<string[]> => {
    const phone = { accountId: ACCOUNT_ID, deviceToken: TOKENS[user], subtopic: 'com.apple.mobilemail' };
    const reply = await of(user).registerDevice({ ...phone, version: 2, mailboxes });
    expect(reply).toMatchObject({ status: 'OK' });
    return reply.mailboxes;
  };
  const deliverTo = async (recipient: string): Promise<void> => {
    const [reply] = await deliver(dovecot.lmtpPort, 'dave@example.net', [recipient], message('hello'));
    expect(reply?.code).toBe(250);
  };
  /** Whose phones get a push, and the mailboxes that it names; none for INBOX. */
  const expectTold = async (wanted: Partial<Record<User, string[]>>): Promise<void> => {
    const { exitCode, stderr } = await host.sandbox.run(['flush', '--all', '--json']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const hashes = Object.entries(wanted).map(([user, names]) => [
      TOKENS[user as User],
      names.map(mailboxHash),
    ]);
    const told = host.apns.received.map(({ deviceToken, m = [] }) => [deviceToken, m]);
    expect(new Map(told as [string, string[]][])).toEqual(new Map(hashes as [string, string[]][]));
    expect(told).toHaveLength(hashes.length);
    forget(host.apns);
  };

  test('a phone is told those that its user may read', async () => {
    expect(await register('alice', 'INBOX', 'Team', 'Public/News')).toEqual(['INBOX', 'Team', 'Public/News']);
    const asked = ['INBOX', 'shared/alice/INBOX', 'shared/alice/Team', 'Public/News', 'shared/carol/INBOX'];
    expect(await register('bob', ...asked)).toEqual(asked.slice(0, 4));
    expect(await register('carol', 'INBOX', 'shared/alice/Team')).toEqual(['INBOX']);
    await expectTold({});
  });

  test('a delivery to the owner is told to the owner and to who asked for it, each by the own name', async () => {
    await deliverTo('alice+Team');
    await expectTold({ alice: ['Team'], bob: ['shared/alice/Team'] });
    await deliverTo('alice');
    await expectTold({ alice: [], bob: ['shared/alice/INBOX'] });
  });

  test('what another files there is told to the owner', async () => {
    await deliverTo('bob+shared/alice/Team');
    await expectTold({ alice: ['Team'], bob: ['shared/alice/Team'] });
  });

  test.each(['shared/alice', 'shared/alice/INBOX'])('so is what another puts into %s', async (name) => {
    expect(await of('bob').command(`APPEND "${name}"`, message('x'))).toMatchObject({ status: 'OK' });
    await expectTold({ alice: [], bob: ['shared/alice/INBOX'] });
  });

  test('what another reads in the owner’s INBOX is told', async () => {
    expect(await of('bob').command('SELECT shared/alice/INBOX')).toMatchObject({ status: 'OK' });
    expect(await of('bob').command('STORE 1 +FLAGS (\\Seen)')).toMatchObject({ status: 'OK' });
    await expectTold({ alice: [], bob: ['shared/alice/INBOX'] });
  });

  test('what is everybody’s is told to who asked for it', async () => {
    await deliverTo('carol+Public/News');
    await expectTold({ alice: ['Public/News'], bob: ['Public/News'] });
  });

  test.each([
    ['by the whole name', `shared/${ERIN}`],
    ['by name and domain', 'domains/example.org/erin'],
    ['by the name alone, in one’s own domain', 'names/erin'],
  ])('of a user with a domain, %s', async (_how, prefix) => {
    expect(await register(ERIN, 'INBOX', 'Team')).toEqual(['INBOX', 'Team']);
    const asked = ['INBOX', `${prefix}/INBOX`, `${prefix}/Team`];
    expect(await register(FRANK, ...asked)).toEqual(asked);
    await deliverTo('erin+Team@example.org');
    await expectTold({ [ERIN]: ['Team'], [FRANK]: [`${prefix}/Team`] });
    await deliverTo(`"frank+${prefix}/Team"@example.org`);
    await expectTold({ [ERIN]: ['Team'], [FRANK]: [`${prefix}/Team`] });
    expect(await of(FRANK).command(`APPEND "${prefix}"`, message('x'))).toMatchObject({ status: 'OK' });
    await expectTold({ [ERIN]: [], [FRANK]: [`${prefix}/INBOX`] });
  });

  test('without the right to read it is heard of no more, once the phone has registered again', async () => {
    allow('alice', '.Team', 'user=bob l\n');
    await sessions.get('bob')?.close();
    sessions.set('bob', await loginImap(dovecot, 'bob')); // the rights of the first session are kept for a while
    expect(await register('bob', 'INBOX', 'shared/alice/Team')).toEqual(['INBOX']);
    await deliverTo('alice+Team');
    await expectTold({ alice: ['Team'] });
  });

  test('check proposes the line by which they are known', () => {
    const output = execFileSync('doveconf', ['-n', '-c', join(dovecot.dir, 'dovecot.conf')], {
      encoding: 'utf8',
    });
    const doveconf = parseDoveconf(output);
    const config = loadConfig(host.sandbox.configFile, {});
    const without = { ...config, dovecot: { namespaces: [] } };
    expect(doveconf && judgeNamespaces(doveconf, without)).toMatchObject([{ fix: NAMESPACES }]);
    expect(doveconf && judgeNamespaces(doveconf, config)).toMatchObject([{ state: 'ok' }]);
  });

  test('Dovecot has nothing to complain about', () => {
    expect(dovecot.log()).not.toMatch(/Warning|Error|Panic|Fatal/);
  });
});
