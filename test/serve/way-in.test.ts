import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { systemClock } from '../../src/process/clock.ts';
import { createMetrics } from '../../src/serve/metrics.ts';
import { openShift } from '../../src/serve/shift.ts';
import { watchStoreTrouble } from '../../src/serve/store-trouble.ts';
import { writeSpool } from '../../src/spool/spool.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { registration } from '../support/events.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { registrationOf, served } from '../support/serving.ts';
import { temporaryFolder } from '../support/store.ts';

let apns: TestApns;
beforeAll(async () => {
  apns = await startTestApns();
});
afterAll(() => apns.close());

/** A configuration whose imapd.conf is a folder. */
function setting(): { config: Config; imapdConf: string } {
  const folder = temporaryFolder();
  const imapdConf = join(folder, 'imapd.conf');
  mkdirSync(imapdConf);
  const places = `store: ${folder}/x.db\nspool: ${folder}/spool\nimapd_conf: ${imapdConf}\n`;
  writeFileSync(join(folder, 'config.yaml'), `${configFor(apns)}${places}delivery: { throttle: 0s }\n`);
  return { config: loadConfig(join(folder, 'config.yaml'), {}), imapdConf };
}

/** The texts that wait in the spool. */
function spooled({ spool }: Config): string[] {
  const folder = join(spool, 'new');
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
}

const NOTIFICATION = '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}';

test('a spooled list of which one event needs an unreadable imapd.conf is pushed at once, and once', async () => {
  const { config, imapdConf } = setting();
  const list = `[${registrationOf('bob', 1)},${registration().trim()},${NOTIFICATION}]`;
  writeSpool(config.spool, Buffer.from(list), Date.now());
  const { log } = await served(config);
  await apns.pushes(1);
  const left = (): string[] => spooled(config);
  await eventually(left, ([text]) => text?.includes('ApplePushService') === true && !text.includes('bob'));
  await new Promise((resolve) => setTimeout(resolve, 2500)); // it looks again twice
  rmSync(imapdConf, { recursive: true });
  await eventually(left, (texts) => texts.length === 0);
  expect(apns.received).toHaveLength(1);
  expect(log.entries.filter(({ message }) => /of the spool/.test(message))).toMatchObject([
    { level: 'error', fields: { reason: expect.stringMatching(/imapd.conf/) as string } },
  ]);
});

test('what comes when the database is closed already waits in the spool', async () => {
  const { config } = setting();
  const log = recordedLog();
  const shift = await openShift(
    { config, log },
    { metrics: createMetrics(), trouble: watchStoreTrouble(systemClock), clock: systemClock },
  );
  shift.begin();
  const early = shift.receive(Buffer.from(registrationOf('bob', 1)), 'http');
  await shift.end(early);
  expect(await early).toMatchObject({ bad: undefined, spooled: false });
  for (const text of [registrationOf('bob', 2), NOTIFICATION])
    expect(await shift.receive(Buffer.from(text), 'cyrus')).toMatchObject({ bad: undefined, spooled: true });
  expect(spooled(config)).toHaveLength(2);
});
