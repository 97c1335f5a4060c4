import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigError, loadConfig } from '../../src/config/load.ts';
import { OperatorError } from '../../src/process/errors.ts';

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'xapplepush-config-'));
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

function write(content: string | Uint8Array, name = 'config.yaml'): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, content);
  return file;
}

function errorOf(...load: Parameters<typeof loadConfig>): ConfigError {
  try {
    loadConfig(...load);
  } catch (error) {
    expect(error).toBeInstanceOf(OperatorError);
    expect(error).toMatchObject({ exitCode: 78, hint: expect.stringMatching(/\w/) as string });
    return error as ConfigError;
  }
  throw new Error('the configuration was accepted');
}

describe('the file', () => {
  it('is --config before XAPPLEPUSH_CONFIG before the default one', () => {
    const option = write('store: /option.db', 'option.yaml');
    const variable = write('store: /variable.db', 'variable.yaml');
    const byDefault = write('store: /default.db', 'default.yaml');
    const env = { XAPPLEPUSH_CONFIG: variable };
    expect(loadConfig(option, env, byDefault)).toMatchObject({ file: option, store: '/option.db' });
    expect(loadConfig(undefined, env, byDefault)).toMatchObject({ file: variable, store: '/variable.db' });
    expect(loadConfig(undefined, {}, byDefault)).toMatchObject({ file: byDefault, store: '/default.db' });
    expect(loadConfig(undefined, { XAPPLEPUSH_CONFIG: '' }, byDefault).file).toBe(byDefault);
  });

  it('is given with its absolute path', () => {
    const file = write('');
    expect(loadConfig(path.relative(process.cwd(), file), {}).file).toBe(file);
  });

  it('may be missing where it is the default one', () => {
    const config = loadConfig(undefined, {}, path.join(folder, 'missing.yaml'));
    expect(config).toMatchObject({ file: undefined, store: '/var/lib/xapplepush/xapplepush.db' });
  });

  it.each(['', '\n', '# nothing', '\uFEFF'])('that is %j gives the defaults', (text) => {
    const file = write(text);
    const defaults = loadConfig(undefined, {}, path.join(folder, 'missing.yaml'));
    expect(loadConfig(file, {})).toStrictEqual({ ...defaults, file });
  });
});

describe('a file that cannot be read', () => {
  it('is an error where it was named and is missing', () => {
    const missing = path.join(folder, 'missing.yaml');
    expect(errorOf(missing, {}).message).toBe(`${missing}: no such file`);
    expect(errorOf(undefined, { XAPPLEPUSH_CONFIG: missing }).message).toBe(`${missing}: no such file`);
  });

  it('is an error where it is a folder, also as the default one', () => {
    expect(errorOf(folder, {}).message).toContain(`${folder}: cannot be read: EISDIR`);
    expect(errorOf(undefined, {}, folder).message).toContain('EISDIR');
  });

  it('is an error where it is larger than 1 MiB', () => {
    const limit = 1024 * 1024;
    expect(loadConfig(write(`${'#'.repeat(limit - 1)}\n`), {}).store).toBe(
      '/var/lib/xapplepush/xapplepush.db',
    );
    const file = write('#'.repeat(limit + 1));
    expect(errorOf(file, {}).message).toBe(`${file}: larger than 1048576 bytes`);
    expect(errorOf('/dev/zero', {}).message).toBe('/dev/zero: larger than 1048576 bytes');
  });

  it('is an error where it is not UTF-8', () => {
    const file = write(Buffer.from('store: /caf\xe9', 'latin1'));
    expect(errorOf(file, {}).message).toBe(`${file}: not UTF-8`);
  });
});

describe('a bad file', () => {
  it('is one error with a line for each problem, in the order of the file', () => {
    const file = write('store: x\nspol: /x\ndelivery:\n  linger: 10\nstore: /y\n');
    const error = errorOf(file, {});
    expect(error.message.split('\n')).toEqual([
      `${file}:1:8: store: expected an absolute path, starting with /, or postgresql://user@host:port/database, got "x"`,
      `${file}:2:1: spol: unknown key; did you mean spool?`,
      `${file}:4:11: delivery.linger: expected a whole number with its unit s, m, h or d, such as 10s, got 10`,
      `${file}:5:1: \`store\` is given twice, first in line 1`,
    ]);
    expect(error.problems.map(({ line, column, key }) => [line, column, key])).toEqual([
      [1, 8, 'store'],
      [2, 1, 'spol'],
      [4, 11, 'delivery.linger'],
      [5, 1, ''],
    ]);
  });

  it('tells where a proxy has a password, and not which', () => {
    const file = write(
      'apns:\n  proxy: http://alice:secret@proxy:3128\n  proxy_password_file: alice:secret\n',
    );
    expect(errorOf(file, {}).message.split('\n')).toEqual([
      `${file}:2:10: apns.proxy: expected http://host:port; name and password stand in apns.proxy_password_file`,
      `${file}:3:24: apns.proxy_password_file: expected an absolute path, starting with /`,
    ]);
  });

  it('with broken syntax tells of that alone', () => {
    const file = write('store: x\nserve:\n  http: [::1]:11619\n');
    const { message, problems } = errorOf(file, {});
    expect(problems.map(({ line, key }) => [line, key])).toEqual([[3, '']]);
    expect(message).toMatch(/config\.yaml:3:\d+: \w/);
  });

  it('with a key given twice is refused even where both are right', () => {
    expect(errorOf(write('store: /x\nstore: /x\n'), {}).message).toMatch(/:2:1: `store` is given twice/);
  });
});
