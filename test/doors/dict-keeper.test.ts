import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type DictDevicesOptions, MAX_DEVICES } from '../../src/doors/dict-devices.ts';
import { createDictKeeper, type DictKeeper, MAX_ENTRIES } from '../../src/doors/dict-keeper.ts';
import type { DictStore } from '../../src/doors/dict-store.ts';
import { openSubscriptions } from '../../src/intake/subscriptions.ts';
import { StoreError } from '../../src/store/errors.ts';
import { createSleeplessClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { NOW_MS, temporaryFolder, testStore, type TestStore } from '../support/store.ts';
import { webPushApp } from '../support/web-push-app.ts';

const KEEP_MS = 90 * 24 * 3_600_000;

interface Scene {
  keeper: DictKeeper;
  store: TestStore;
  log: ReturnType<typeof recordedLog>;
}

/** With a store that fails as `failing` says, before it does anything. */
function scene({ enabled = true, failing = () => undefined as Error | undefined } = {}): Scene {
  const folder = temporaryFolder();
  const file = join(folder, 'config.yaml');
  writeFileSync(file, '');
  const [store, log] = [testStore(), recordedLog()];
  const config: Pick<Config, 'store' | 'users' | 'deltachat' | 'webpush' | 'targets' | 'delivery'> = {
    ...loadConfig(file, {}),
    store: `${folder}/x.db`,
    users: { lowercase: true, domain: 'strip' },
    deltachat: { enabled, notify: 'https://localhost/', keepMs: KEEP_MS, giveUpMs: 1 },
    webpush: { enabled, subject: 'mailto:a@example.org', allowPrivateAddresses: false, giveUpMs: 1 },
  };
  const use = async <T>(work: (store: DictStore, nowMs: number) => Promise<T>): Promise<T> => {
    const error = failing();
    if (error !== undefined) throw error;
    return work(store, NOW_MS);
  };
  const clock = createSleeplessClock();
  const subscriptions: DictDevicesOptions['subscriptions'] = () =>
    Promise.resolve(
      openSubscriptions({
        config,
        clock: { nowMs: () => NOW_MS },
        store: () => store,
        onNotice: () => undefined,
      }),
    );
  return {
    keeper: createDictKeeper({ use, subscriptions, config: () => config, clock, log }),
    ...{ store, log },
  };
}

const set = (key: string, value: string | undefined = 'x') => ({ key, value: Buffer.from(value) });
const unset = (key: string) => ({ key, value: undefined });
const textOf = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();
const keysUnder = async (keeper: DictKeeper, user: string, prefix: string): Promise<string[]> =>
  (await keeper.under(user, prefix)).map(({ key }) => key);

describe('an entry', () => {
  test('below priv/ is of the user, by the very name; below shared/ it is of whoever sees the mailbox', async () => {
    const { keeper } = scene();
    await keeper.commit('Alice@mail.test', [set('priv/g/a', '1')]);
    await keeper.commit('bob', [set('shared/g/a', '2')]);
    expect(textOf(await keeper.value('Alice@mail.test', 'priv/g/a'))).toBe('1');
    expect(await keeper.value('alice', 'priv/g/a')).toBeUndefined();
    expect(textOf(await keeper.value('carol', 'shared/g/a'))).toBe('2');
    expect(await keysUnder(keeper, 'bob', 'priv/g/')).toEqual([]);
    expect(await keysUnder(keeper, 'carol', 'shared/g/')).toEqual(['shared/g/a']);
    await keeper.commit('carol', [unset('shared/g/a')]);
    expect(await keeper.value('bob', 'shared/g/a')).toBeUndefined();
  });

  test.each([
    ['private and shared ones', 'alice', [set('priv/g/a'), set('shared/g/a')]],
    ['those of nobody', '', [set('priv/g/a')]],
  ])('%s in one transaction are refused, and none is kept', async (_, user, changes) => {
    const { keeper, store } = scene();
    expect(await keeper.commit(user, changes)).toEqual({ refused: expect.any(String) as string });
    expect(await store.countMetadata()).toMatchObject({ entries: 0 });
  });

  test('nothing changed is kept at once', async () => {
    expect(await scene().keeper.commit('alice', [])).toEqual({});
  });

  test.each([
    ['a user', 'priv/g/', 'priv/h/', 'a user has 64 entries at most', true],
    ['a mailbox', 'shared/g/', 'shared/h/', 'a mailbox has 64 shared entries at most', false],
  ])('one too many of %s is refused, and others are not', async (_, full, other, refused, isAlike) => {
    const { keeper } = scene();
    const many = Array.from({ length: MAX_ENTRIES }, (_, n) => set(`${full}${n}`));
    expect(await keeper.commit('alice', many)).toEqual({});
    expect(await keeper.commit('alice', [set(`${full}more`)])).toEqual({ refused });
    expect(await keeper.commit('alice', [unset(`${full}0`), set(`${full}more`)])).toEqual({});
    expect(await keeper.commit('alice', [set(`${full}1`, 'anew')])).toEqual({});
    expect(await keeper.commit('alice', [set(`${other}more`)])).toEqual(isAlike ? { refused } : {});
    expect(await keeper.commit('bob', [set('priv/g/0')])).toEqual({});
  });
});

const TOKEN = 'priv/g/devicetoken';

describe('a device of Delta Chat', () => {
  const devices = async ({ store }: Scene, user = 'alice'): Promise<string[]> =>
    (await store.listEndpoints({ user }, { afterId: 0, limit: 100 })).map(({ address }) => address);

  test('is added beside the others, and known for the time that is configured', async () => {
    const here = scene();
    const { keeper, store, log } = here;
    for (const token of ['openpgp:AAAA', 'openpgp:BBBB', 'openpgp:AAAA'])
      expect(await keeper.commit('Alice@mail.test', [set(TOKEN, token)])).toEqual({});
    expect(textOf(await keeper.value('Alice@mail.test', TOKEN))).toBe('openpgp:AAAA');
    const endpoints = await store.listEndpoints({}, { afterId: 0, limit: 9 });
    const common = { user: 'alice', service: 'deltachat', provenMs: NOW_MS, expiresMs: NOW_MS + KEEP_MS };
    expect(endpoints).toMatchObject([
      { ...common, address: 'openpgp:AAAA' },
      { ...common, address: 'openpgp:BBBB' },
    ]);
    expect(log.messages('info')).toEqual([
      ...['a device of Delta Chat was registered', 'a device of Delta Chat was registered'],
      'a device of Delta Chat was renewed',
    ]);
    expect(JSON.stringify(log.entries)).not.toContain('openpgp');
    expect(await devices(here)).toHaveLength(2);
  });

  test('one too many takes the place of the one that was renewed least lately', async () => {
    const here = scene();
    for (let n = 0; n <= MAX_DEVICES; n += 1)
      await here.keeper.commit('alice', [set(TOKEN, `openpgp:A${n}`)]);
    expect(await devices(here)).toHaveLength(MAX_DEVICES);
    expect(await devices(here)).toContain(`openpgp:A${MAX_DEVICES}`);
  });

  test('NIL removes all of the user, and nobody else’s', async () => {
    const here = scene();
    for (const [user, token] of [
      ['alice', 'openpgp:AAAA'],
      ['alice', 'openpgp:BBBB'],
      ['bob', 'openpgp:CCCC'],
    ] as const)
      await here.keeper.commit(user, [set(TOKEN, token)]);
    await here.keeper.commit('alice', [unset(TOKEN)]);
    expect([await devices(here), await devices(here, 'bob')]).toEqual([[], ['openpgp:CCCC']]);
    expect(await here.keeper.value('alice', TOKEN)).toBeUndefined();
  });

  test('is none where it is switched off: the entry is kept alone', async () => {
    const here = scene({ enabled: false });
    await here.keeper.commit('alice', [set(TOKEN, 'openpgp:AAAA')]);
    await here.keeper.commit('alice', [unset(TOKEN)]);
    expect([await devices(here), here.log.entries]).toEqual([[], []]);
  });

  const RECIPIENTS = 'shared/g/vendor/vendor.dovecot/pvt/server/vendor/deltachat/maxsmtprecipients';

  test('is told that it can register, by what the administrator has set before our word', async () => {
    const { keeper } = scene();
    expect(textOf(await keeper.value('alice', RECIPIENTS))).toBe('50');
    await keeper.commit('alice', [set(RECIPIENTS, '1000')]);
    expect(textOf(await keeper.value('alice', RECIPIENTS))).toBe('1000');
    expect(await scene({ enabled: false }).keeper.value('alice', RECIPIENTS)).toBeUndefined();
  });
});

describe('a subscription to Web Push', () => {
  const PLACE = 'priv/g/vendor/vendor.dovecot/pvt/server/vendor/vendor.dovecot/webpush';
  const subscription = (endpoint: string): string => {
    const resource = JSON.parse(webPushApp().subscriptionAt(endpoint)) as object;
    return JSON.stringify({ client: 'An app', device: 'A phone', msgtype: 'all', resource });
  };
  const [ONE, OTHER] = ['https://push.example.org/1', 'https://push.example.org/2'];

  async function endpoints({ store }: Scene, user = 'alice'): Promise<unknown[]> {
    const all = await store.listEndpoints({ user, service: 'webpush' }, { afterId: 0, limit: 99 });
    return all.map(({ address }) => (JSON.parse(address) as { endpoint: unknown }).endpoint);
  }

  test('adds an endpoint, which has to be proven; another value of it takes its place, and NIL removes it', async () => {
    const here = scene();
    const keys = [`${PLACE}/subscriptions/31754ee7`, `${PLACE}/subscriptions/42754ee7`];
    await here.keeper.commit('alice@mail.test', [set(keys[0]!, subscription(ONE))]);
    await here.keeper.commit('alice@mail.test', [set(keys[1]!, webPushApp().subscriptionAt(OTHER))]);
    expect(await endpoints(here)).toEqual([ONE, OTHER]);
    expect(await here.store.countNotices()).toMatchObject({ notices: 2 });
    await here.keeper.commit('alice@mail.test', [set(keys[0]!, subscription(`${ONE}1`))]);
    expect(await endpoints(here)).toEqual([OTHER, `${ONE}1`]);
    await here.keeper.commit('alice@mail.test', [unset(keys[1]!)]);
    expect(await endpoints(here)).toEqual([`${ONE}1`]);
    expect(await keysUnder(here.keeper, 'alice@mail.test', `${PLACE}/`)).toEqual([keys[0]]);
  });

  test.each([
    ['no subscription', 'no JSON', 'endpoint: expected an https:// URL of at most 1024 characters'],
    ['an address that may not be called', subscription('https://127.0.0.1/'), 'its address is not public'],
  ])('with %s is an entry as any other, and the log tells why', async (_what, value, problem) => {
    const here = scene();
    await here.keeper.commit('alice', [set(`${PLACE}/subscriptions/31754ee7`, value)]);
    expect(await endpoints(here)).toEqual([]);
    expect(textOf(await here.keeper.value('alice', `${PLACE}/subscriptions/31754ee7`))).toBe(value);
    expect(here.log.entries).toMatchObject([{ level: 'warn', fields: { user: 'alice', problem } }]);
  });

  test('is made by the key that is answered where apps look for it', async () => {
    const { keeper } = scene();
    const pem = textOf(await keeper.value('alice', `${PLACE}/vapid`));
    expect(pem).toMatch(/^-----BEGIN PUBLIC KEY-----\n[^-]{122,128}-----END PUBLIC KEY-----\n$/);
    expect(textOf(await keeper.value('bob', 'priv/h/vendor/vendor.dovecot/webpush/vapid'))).toBe(pem);
    expect(await scene({ enabled: false }).keeper.value('alice', `${PLACE}/vapid`)).toBeUndefined();
  });

  test('is an entry alone where it is switched off', async () => {
    const here = scene({ enabled: false });
    await here.keeper.commit('alice', [set(`${PLACE}/subscriptions/31754ee7`, subscription(ONE))]);
    expect([await endpoints(here), here.log.entries]).toEqual([[], []]);
  });
});

describe('a store that', () => {
  const busy = (isBusy: boolean): StoreError =>
    new StoreError('locked', { hint: '', busy: isBusy, cause: undefined });

  test('is busy for a moment is tried again', async () => {
    let tries = 0;
    const { keeper } = scene({ failing: () => ((tries += 1) < 4 ? busy(true) : undefined) });
    expect(await keeper.commit('alice', [set('priv/g/a')])).toEqual({});
    expect(tries).toBe(4);
  });

  test('cannot be used says so at once', async () => {
    let tries = 0;
    const { keeper } = scene({ failing: () => ((tries += 1), busy(false)) });
    await expect(keeper.commit('alice', [set('priv/g/a')])).rejects.toThrow('locked');
    await expect(keeper.value('alice', 'priv/g/a')).rejects.toThrow('locked');
    await expect(keeper.under('alice', 'priv/g/')).rejects.toThrow('locked');
    expect(tries).toBe(3);
  });
});
