import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { connectApns } from '../../src/apns/client.ts';
import { credentialFor, pushFor, withMockApns } from '../support/apns.ts';
import { answer, listening, scriptedServer } from './scripted-server.ts';

const IDLE_MS = 20;

test('an idle connection is checked again and again, and still takes pushes', async () => {
  await withMockApns({}, async (mock) => {
    let pings = 0;
    let pingedThrice = (): void => undefined;
    const third = new Promise<void>((resolve) => (pingedThrice = resolve));
    const server = scriptedServer(mock, 10, (stream) => answer(stream));
    server.on('session', (session) => {
      session.on('ping', () => {
        pings += 1;
        if (pings === 3) pingedThrice();
      });
    });
    await listening(server, async (url) => {
      const ca = readFileSync(mock.ca, 'utf8');
      const credential = credentialFor(mock);
      const identity = credential.kind === 'certificate' ? credential : {};
      const connection = await connectApns(url, identity, { ca, timeoutMs: 5000, pingIdleMs: IDLE_MS });
      await third;
      expect(await connection.push(pushFor(mock), 5000)).toMatchObject({ status: 200 });
      await connection.close();
    });
  });
});
