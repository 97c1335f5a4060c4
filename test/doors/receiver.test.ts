import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createReceiver, LOCKED_PAUSE_MS } from '../../src/doors/receiver.ts';
import { OperatorError } from '../../src/process/errors.ts';
import type { Intake, Taken } from '../../src/intake/intake.ts';
import { claimSpool } from '../../src/spool/spool.ts';
import { NotRegistered, StoreError } from '../../src/store/errors.ts';
import { createTestClock } from '../support/clock.ts';
import { messageNew } from '../support/events.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { temporaryFolder } from '../support/store.ts';

const TAKEN: Taken = {
  ...{ targetIds: [1], notices: 0, bad: undefined, topic: undefined },
  ...{ names: ['MessageNew'], silent: [] },
};
const locked = new StoreError('a moment ago', { hint: '', busy: true, cause: undefined });
const EVENT = Buffer.from(messageNew());

function testReceiver() {
  const spool = join(temporaryFolder(), 'spool');
  const clock = createTestClock();
  const state = { asked: 0, rung: 0, busy: undefined as boolean | undefined };
  const intake: Intake = (_, given) => {
    if (given?.locked === true) return Promise.reject(locked);
    state.asked += 1;
    if (state.busy === undefined) return Promise.resolve(TAKEN);
    return Promise.reject(new StoreError('not now', { hint: '', busy: state.busy, cause: undefined }));
  };
  const onWork = (): void => void (state.rung += 1);
  const receive = createReceiver({ intake: () => intake, spool, clock, log: recordedLog(), onWork });
  return { receive, clock, state, spooled: () => readdirSync(join(spool, 'new')).length };
}

test('after a locked database others do not wait for it; a moment later it is asked again', async () => {
  const { receive, clock, state, spooled } = testReceiver();
  state.busy = true;
  for (let n = 0; n < 5; n += 1) expect(await receive(EVENT, 'cyrus')).toMatchObject({ spooled: true });
  expect(state).toMatchObject({ asked: 1, rung: 0 });
  expect(spooled()).toBe(5);
  state.busy = undefined;
  clock.advance(LOCKED_PAUSE_MS - 1);
  expect(await receive(EVENT, 'cyrus')).toMatchObject({ spooled: true, targets: 0 });
  clock.advance(1);
  expect(await receive(EVENT, 'cyrus')).toMatchObject({ spooled: false, targets: 1 });
  expect(state).toMatchObject({ asked: 2, rung: 1 });
  expect(spooled()).toBe(6);
});

test('one that is not locked but fails says so at once, and is asked each time', async () => {
  const { receive, state, spooled } = testReceiver();
  state.busy = false;
  for (let n = 0; n < 3; n += 1) expect(await receive(EVENT, 'http')).toMatchObject({ spooled: true });
  expect(state.asked).toBe(3);
  expect(spooled()).toBe(3);
});

test('what another trouble than the database stands in the way of is kept too; a bug is none', async () => {
  const spool = join(temporaryFolder(), 'spool');
  const [clock, log, onWork] = [createTestClock(), recordedLog(), (): void => undefined];
  const trouble = new OperatorError('cannot read imapd.conf', { exitCode: 78, hint: 'let it be read' });
  const failures: Error[] = [trouble, new TypeError('a bug')];
  const intake: Intake = () => Promise.reject(failures.shift()!);
  const receive = createReceiver({ intake: () => intake, spool, clock, log, onWork });
  expect(await receive(EVENT, 'cyrus')).toMatchObject({ spooled: true });
  await expect(receive(EVENT, 'cyrus')).rejects.toThrow('a bug');
  expect(readdirSync(join(spool, 'new'))).toHaveLength(1);
});

test('a registration that goes into the spool gives its topic, and keeps it', async () => {
  const spool = join(temporaryFolder(), 'spool');
  const [clock, log, onWork] = [createTestClock(), recordedLog(), (): void => undefined];
  const topic = 'com.apple.mail.XServer.test';
  const intake: Intake = () => Promise.reject(new NotRegistered(locked, topic));
  const receive = createReceiver({ intake: () => intake, spool, clock, log, onWork });
  const body = '{"ApsAccountId":"an account id","Username":"alice"}';
  for (const raw of [body, `${body}\n`, messageNew()])
    expect(await receive(Buffer.from(raw), 'http')).toEqual({
      bad: undefined,
      targets: 0,
      topic,
      spooled: true,
    });
  const files = readdirSync(join(spool, 'new')).map((name) => readFileSync(join(spool, 'new', name), 'utf8'));
  const kept = files.map((text) => text.trim());
  const withTopic = `{"ApsAccountId":"an account id","Username":"alice","ApsTopic":"${topic}"}`;
  expect(kept.sort()).toEqual([withTopic, withTopic, messageNew().trim()].sort());
});

test('of a list, what was taken before the database was locked is not kept', async () => {
  const spool = join(temporaryFolder(), 'spool');
  const [clock, log, onWork] = [createTestClock(), recordedLog(), (): void => undefined];
  const topic = 'com.apple.mail.XServer.test';
  const events = ['{"n":1}', '{"n":2,"ApsAccountId":"an account id"}', '{"n":3}'];
  for (const raw of [`[${events.join(',')}]`, events.join('\n')]) {
    const taken: number[] = [];
    const intake: Intake = (item) => {
      const { n } = 'value' in item ? (item.value as { n: number }) : { n: 0 };
      if (n === 2) return Promise.reject(new NotRegistered(locked, topic));
      taken.push(n);
      return Promise.resolve(TAKEN);
    };
    const receive = createReceiver({ intake: () => intake, spool, clock, log, onWork });
    expect(await receive(Buffer.from(`${raw}\nnot JSON\n`), 'http')).toMatchObject({
      spooled: true,
      targets: 2,
    });
    expect(taken).toEqual([1, 0]);
    const [name = ''] = readdirSync(join(spool, 'new'));
    expect(readFileSync(join(spool, 'new', name), 'utf8')).toBe(
      `{"n":2,"ApsAccountId":"an account id","ApsTopic":"${topic}"}\n{"n":3}`,
    );
    rmSync(join(spool, 'new', name));
  }
});

test('the events of one input are under way together, so that they share a transaction', async () => {
  const [clock, log, onWork] = [createTestClock(), recordedLog(), (): void => undefined];
  let [underWay, most] = [0, 0];
  const intake: Intake = async () => {
    most = Math.max(most, (underWay += 1));
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
    return TAKEN;
  };
  const spool = join(temporaryFolder(), 'spool');
  const receive = createReceiver({ intake: () => intake, spool, clock, log, onWork });
  const raw = Buffer.from(Array.from({ length: 700 }, () => messageNew().trim()).join('\n'));
  expect(await receive(raw, 'http')).toMatchObject({ targets: 700, spooled: false });
  expect(most).toBe(500);
});

test.each([
  ['http', true],
  ['cyrus', false],
] as const)('what came by %s is known for it, at once and from the spool', async (door, byHttp) => {
  const spool = join(temporaryFolder(), 'spool');
  const [clock, log, onWork] = [createTestClock(), recordedLog(), (): void => undefined];
  const told: unknown[] = [];
  const intake: Intake = (_, given) => {
    told.push(given?.byHttp);
    return Promise.reject(locked);
  };
  const receive = createReceiver({ intake: () => intake, spool, clock, log, onWork });
  await receive(EVENT, door);
  expect(told).toEqual([byHttp]);
  const [first] = claimSpool(spool, clock.nowMs());
  expect(first?.byHttp).toBe(byHttp);
  first?.keepApart(EVENT);
  first?.done();
  expect([...claimSpool(spool, clock.nowMs())].map((each) => each.byHttp)).toEqual([byHttp]);
});

test('of a transaction of Dovecot, what was taken before the database was locked is not kept', async () => {
  const spool = join(temporaryFolder(), 'spool');
  const [clock, log, onWork] = [createTestClock(), recordedLog(), (): void => undefined];
  const events = ['MessageNew', 'MessageAppend', 'MessageRead'].map((name) => ({ name, mailbox: 'INBOX' }));
  const intake = vi.fn<Intake>().mockResolvedValueOnce(TAKEN).mockRejectedValue(locked);
  const receive = createReceiver({ intake: () => intake, spool, clock, log, onWork });
  const raw = Buffer.from(JSON.stringify({ dovecot: 1, user: 'alice', events }));
  expect(await receive(raw, 'http')).toMatchObject({ spooled: true, targets: 1 });
  const [file] = claimSpool(spool, clock.nowMs());
  const kept = Buffer.concat([...(file?.read() ?? [])]).toString();
  const lines = events
    .slice(1)
    .map((event) => JSON.stringify({ dovecot: 1, user: 'alice', events: [event] }));
  expect(kept).toBe(lines.join('\n'));
});
