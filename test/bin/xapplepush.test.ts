import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { createSandbox, type Finished, type Sandbox } from '../support/command.ts';
import { messageNew, registration } from '../support/events.ts';

/** Takes the place of /etc/ssl/certs (openssl-env(7)). */
const SYSTEM_ROOTS = 'SSL_CERT_FILE';

describe("the root certificates are the system's", () => {
  let apns: TestApns;
  let sandbox: Sandbox;
  beforeEach(async () => {
    apns = await startTestApns();
    sandbox = createSandbox(configFor(apns).replace(/^ +ca: .*\n/m, ''));
    await sandbox.run([], { input: registration() });
  });
  afterEach(async () => {
    sandbox.remove();
    await apns.close();
  });

  function notify(args: readonly string[], roots?: string): Promise<Finished> {
    const environment = roots === undefined ? {} : { [SYSTEM_ROOTS]: roots };
    return sandbox.run(args, { input: messageNew(), environment });
  }

  test('where they vouch for the server', async () => {
    expect(await notify(['--wait'], apns.ca)).toMatchObject({ exitCode: 0 });
    expect(apns.received).toHaveLength(1);
  });

  test('for a deliverer in the background too', async () => {
    expect(await notify([], apns.ca)).toMatchObject({ exitCode: 0 });
    expect(await apns.pushes(1)).toHaveLength(1);
    const [pid] = sandbox.deliverers();
    expect(readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').split('\0')).toContain('--use-openssl-ca');
  });

  test('and where they do not, nothing is sent', async () => {
    const { exitCode, stderr } = await notify(['--wait']);
    expect(exitCode).toBe(69);
    expect(stderr).toMatch(/its certificate is not trusted \(\w+\)/);
    expect(apns.received).toEqual([]);
  });
});
