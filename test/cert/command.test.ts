import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mockFiles, MOCK_TOPIC, type MockFiles } from '../../src/apns/mock/ca.ts';
import type { Sandbox } from '../support/command.ts';
import { sandboxHere } from '../support/here.ts';

let sandbox: Sandbox;
let files: MockFiles;
beforeAll(() => {
  sandbox = sandboxHere('');
  files = mockFiles(join(sandbox.dir, 'mock'));
});
afterAll(() => {
  sandbox.remove();
});

function configure(yaml: string): string[] {
  const path = join(mkdtempSync(join(sandbox.dir, 'config-')), 'config.yaml');
  writeFileSync(path, yaml);
  return ['--config', path];
}

describe('cert show', () => {
  test('a file', async () => {
    const args = ['cert', 'show', files.clientPkcs12, '--passphrase-file', files.passphrase];
    const { exitCode, stdout, stderr } = await sandbox.run(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain(`  topic         ${MOCK_TOPIC}\n`);
  });

  test('a file that is of no use, as JSON', async () => {
    const { exitCode, stdout } = await sandbox.run(['cert', 'show', files.clientPkcs12, '--json']);
    expect(exitCode).toBe(65);
    expect(JSON.parse(stdout)).toMatchObject([
      { topic: null, problems: [{ hint: expect.any(String) as string }] },
    ]);
  });

  test('what is configured', async () => {
    const own = `certificate: ${files.clientCertificate}, key: ${files.clientKey}`;
    const config = configure(`apns: { ${own}, also: [{ certificate: /nonexistent.pem }] }`);
    const { exitCode, stdout } = await sandbox.run(['cert', 'show', ...config]);
    expect(exitCode).toBe(65);
    expect(stdout).toContain(`apns: ${files.clientCertificate}\n  topic         ${MOCK_TOPIC}\n`);
    expect(stdout).toContain('problem       apns.also[1].certificate: there is no file /nonexistent.pem\n');
  });

  test('nothing configured', async () => {
    const { exitCode, stdout, stderr } = await sandbox.run(['cert', 'show']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 78, stdout: '' });
    expect(stderr).toMatch(
      /^xapplepush: error: no certificate is configured.*\nxapplepush: hint: set apns\.certificate/,
    );
  });

  test('a passphrase without a file', async () => {
    const { exitCode, stderr } = await sandbox.run(['cert', 'show', '--passphrase-file', files.passphrase]);
    expect(exitCode).toBe(64);
    expect(stderr).toMatch(/without a file/);
  });
});

describe('cert import', () => {
  test('what it wrote is what it tells to configure', async () => {
    const dir = mkdtempSync(join(sandbox.dir, 'to-'));
    const args = ['cert', 'import', files.clientPkcs12, '--to', dir, '--passphrase-file', files.passphrase];
    const { exitCode, stdout, stderr } = await sandbox.run(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(readdirSync(dir).sort()).toEqual(['mail.key', 'mail.pem']);
    const lines = /^apns:\n(?: {2}.*\n)+/m.exec(stdout)?.[0] ?? '';
    const shown = await sandbox.run(['cert', 'show', ...configure(lines)]);
    expect(shown).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('the private key matches') as string,
    });

    const again = await sandbox.run(args);
    expect(again).toMatchObject({ exitCode: 65, stdout: '' });
    expect(again.stderr).toMatch(/there is already .*\n.*--force/);
    expect(await sandbox.run([...args, '--force'])).toMatchObject({ exitCode: 0 });
  });

  test('without --to, and of nothing', async () => {
    expect(await sandbox.run(['cert', 'import', files.clientPkcs12])).toMatchObject({ exitCode: 64 });
    const missing = ['cert', 'import', '/nonexistent.p12', '--to', sandbox.dir];
    expect(await sandbox.run(missing)).toMatchObject({ exitCode: 65, stdout: '' });
  });
});

test.each(['show', 'import'])('cert %s --help has an example', async (name) => {
  const { exitCode, stdout } = await sandbox.run(['cert', name, '--help']);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(new RegExp(`Examples:\n  xapplepush cert ${name}\\b`));
  expect(stdout).not.toContain('--passphrase <');
});
