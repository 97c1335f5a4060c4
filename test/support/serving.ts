import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { systemClock } from '../../src/process/clock.ts';
import { NOTHING_HANDED_OVER } from '../../src/process/handed-over.ts';
import { createMetrics } from '../../src/serve/metrics.ts';
import { openServe } from '../../src/serve/serve.ts';
import { configFor, type TestApns } from './apns.ts';
import { tokenNumber } from './events.ts';
import { recordedLog } from './recorded-log.ts';
import { temporaryFolder } from './store.ts';

/** A folder of the running test's own, and a configuration of that: its places, the stand-in for Apple, and `more`. */
export function settingFor(
  apns: TestApns,
  more: (folder: string) => string,
): { folder: string; config: Config } {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'imapd.conf'), `aps_topic: ${apns.topic}\n`);
  const places = `store: ${folder}/x.db\nspool: ${folder}/spool\nimapd_conf: ${folder}/imapd.conf\n`;
  writeFileSync(join(folder, 'config.yaml'), `${configFor(apns)}${places}${more(folder)}`);
  return { folder, config: loadConfig(join(folder, 'config.yaml'), {}) };
}

/** A `serve` in this process, ended with the test. */
export async function served(config: Config) {
  const log = recordedLog();
  const ending = new AbortController();
  const metrics = createMetrics();
  const serving = await openServe({
    settings: { config, log },
    metrics,
    clock: systemClock,
    ending: ending.signal,
    handedOver: NOTHING_HANDED_OVER,
    onReplaced: () => undefined,
  });
  let ended: Promise<void> | undefined;
  const end = (): Promise<void> => {
    ending.abort();
    return (ended ??= serving.end());
  };
  onTestFinished(end);
  const told = JSON.stringify(log.entries);
  const address = `http://${/http (127\.0\.0\.1:\d+)/.exec(told)?.[1] ?? ''}`;
  const ask = async (path: string, body?: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(
      `${address}${path}`,
      body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': 'application/json' } },
    );
    return { status: answer.status, text: await answer.text() };
  };
  return { log, ask, serving, metrics, end };
}

/** What Cyrus's door in that folder answers. */
export function notifyAsCyrus(folder: string, bytes: Buffer, name = 'cyrus.sock'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(join(folder, name));
    socket.on('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(answer.toString());
    });
    socket.write(bytes);
  });
}

/** As Dovecot's XAPS plugin says it. */
export function registrationOf(user: string, n: number): string {
  const ids = { ApsAccountId: '0715A26B-CA09-4730-A419-793000CA982E', ApsDeviceToken: tokenNumber(n) };
  return JSON.stringify({
    ...ids,
    ...{ ApsSubtopic: 'com.apple.mobilemail', Username: user, Mailboxes: ['INBOX'] },
  });
}
