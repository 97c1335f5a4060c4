import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { writeSpool } from '../../src/spool/spool.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { registration } from '../support/events.ts';
import { registrationOf, served } from '../support/serving.ts';
import { temporaryFolder } from '../support/store.ts';

let apns: TestApns;
beforeAll(async () => {
  apns = await startTestApns();
});
afterAll(() => apns.close());

const NOTIFICATION = '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}';

test('a spooled list of which one event needs an unreadable imapd.conf is pushed at once, and once', async () => {
  const folder = temporaryFolder();
  const imapdConf = join(folder, 'imapd.conf');
  mkdirSync(imapdConf);
  const places = `store: ${folder}/x.db\nspool: ${folder}/spool\nimapd_conf: ${imapdConf}\n`;
  writeFileSync(join(folder, 'config.yaml'), `${configFor(apns)}${places}delivery: { throttle: 0s }\n`);
  const config = loadConfig(join(folder, 'config.yaml'), {});
  const list = `[${registrationOf('bob', 1)},${registration().trim()},${NOTIFICATION}]`;
  writeSpool(config.spool, Buffer.from(list), Date.now());
  const { log } = await served(config);
  await apns.pushes(1);
  const left = (): string[] =>
    readdirSync(join(config.spool, 'new')).map((name) =>
      readFileSync(join(config.spool, 'new', name), 'utf8'),
    );
  await eventually(left, ([text]) => text?.includes('ApplePushService') === true && !text.includes('bob'));
  await new Promise((resolve) => setTimeout(resolve, 2500)); // it looks again twice
  rmSync(imapdConf, { recursive: true });
  await eventually(left, (texts) => texts.length === 0);
  expect(apns.received).toHaveLength(1);
  expect(log.entries.filter(({ message }) => /of the spool/.test(message))).toMatchObject([
    { level: 'error', fields: { reason: expect.stringMatching(/imapd.conf/) as string } },
  ]);
});
