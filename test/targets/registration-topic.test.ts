import { expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { registrationTopic } from '../../src/targets/registration-topic.ts';
import { recordedLog } from '../support/recorded-log.ts';

function configFor(topic?: string): Config {
  const apns = { server: new URL('https://127.0.0.1:1'), certificate: '/nonexistent/mail.pem' };
  return { apns: topic === undefined ? apns : { ...apns, topic } } as Config;
}

test('what Cyrus tells the devices comes first, then the configuration', async () => {
  const log = recordedLog();
  expect(await registrationTopic('of Cyrus', { config: configFor('configured'), log })).toEqual({
    topic: 'of Cyrus',
    from: 'imapd.conf',
  });
  expect(await registrationTopic(undefined, { config: configFor('configured'), log })).toEqual({
    topic: 'configured',
    from: 'apns.topic',
  });
});

test('none where no certificate can be read, and the log says why', async () => {
  const log = recordedLog();
  expect(await registrationTopic(undefined, { config: configFor(), log })).toEqual({
    topic: '',
    from: 'nowhere',
  });
  expect(JSON.stringify(log.entries)).toContain('mail.pem');
});
