import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { deliverInBackground } from '../../src/delivery/background.ts';
import { poke } from '../../src/delivery/poke.ts';
import { flush } from '../../src/delivery/flush.ts';
import { systemClock } from '../../src/process/clock.ts';
import { writeSpool } from '../../src/spool/spool.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { registration } from '../support/events.ts';
import { forget } from '../support/pushes.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { registrationOf } from '../support/serving.ts';
import { temporaryFolder } from '../support/store.ts';
import { testSurroundings } from '../support/surroundings.ts';

let apns: TestApns;
beforeAll(async () => {
  apns = await startTestApns();
});
beforeEach(() => forget(apns));
afterAll(() => apns.close());

const NOTIFICATION = '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}';

/** A spool with a registration that needs an imapd.conf which cannot be read, and then those texts. */
function setting(...texts: string[]): { config: Config; imapdConf: string } {
  const folder = temporaryFolder();
  const imapdConf = join(folder, 'imapd.conf');
  mkdirSync(imapdConf);
  writeFileSync(
    join(folder, 'config.yaml'),
    `${configFor(apns)}store: ${folder}/x.db
spool: ${folder}/spool
imapd_conf: ${imapdConf}
delivery: { linger: 2s }
`,
  );
  const config = loadConfig(join(folder, 'config.yaml'), {});
  for (const [n, text] of [registration(), ...texts].entries())
    writeSpool(config.spool, Buffer.from(text), Date.now() + n);
  return { config, imapdConf };
}

/** As one that goes to a file, to which errors are repeated. */
function inFile(log: ReturnType<typeof recordedLog>): ReturnType<typeof recordedLog> {
  return { ...log, file: 'a log', repeat: (message, fields) => log.error(message, fields) };
}

const waiting = ({ spool }: Config): number => readdirSync(join(spool, 'new')).length;

test('flush sends what it can, and then ends with what is wrong with imapd.conf', async () => {
  const { config, imapdConf } = setting(registrationOf('bob', 1), NOTIFICATION);
  const log = inFile(recordedLog());
  const ended = await flush({ config, log, clock: systemClock, all: false });
  expect(ended).toMatchObject({ exitCode: 78, report: { delivered: 1, waiting: 0 } });
  expect(ended.report.spool).toEqual({ taken: 2, bad: 0, stuck: false });
  expect(log.messages('error')).toEqual([expect.stringMatching(/^cannot read Cyrus's configuration/)]);
  expect(waiting(config)).toBe(1);
  rmSync(imapdConf, { recursive: true });
  const again = await flush({ config, log, clock: systemClock, all: false });
  expect(again).toMatchObject({ exitCode: 0, report: { spool: { taken: 1 } } });
});

test('the deliverer tells once what keeps a file waiting, however often it looks', async () => {
  const { config } = setting(registrationOf('bob', 1), NOTIFICATION);
  const log = inFile(recordedLog());
  const delivering = deliverInBackground({ config, log }, testSurroundings({ clock: systemClock }));
  for (let pushes = 1; pushes <= 3; pushes += 1) {
    await eventually(
      () => apns.received.length,
      (count) => count >= pushes,
    );
    writeSpool(config.spool, Buffer.from(NOTIFICATION), Date.now());
    await poke(config.control);
  }
  await delivering;
  expect(log.messages('error')).toEqual([expect.stringMatching(/^cannot read Cyrus's configuration/)]);
  expect(waiting(config)).toBe(1);
});
