import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apsTopicOf, namespaceOf, parseImapdConf, readImapdConf } from '../../src/config/imapd-conf.ts';
import { OperatorError } from '../../src/process/errors.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';

describe('parseImapdConf', () => {
  it.each([
    ['altnamespace: no', { altnamespace: 'no' }],
    ['AltNamespace:no', { altnamespace: 'no' }],
    ['  sharedprefix :x', {}],
    ['  sharedprefix:  Public Folders \t\r', { sharedprefix: 'Public Folders' }],
    ['partition-default: /var/spool/cyrus/mail', { 'partition-default': '/var/spool/cyrus/mail' }],
    ['aps_topic: a: b', { aps_topic: 'a: b' }],
    ['userprefix: a # b', { userprefix: 'a # b' }],
    ['# altnamespace: no', {}],
    ['  # altnamespace: no', {}],
    ['aps_topic:\\\n    com.apple.\\\nmail', { aps_topic: 'com.apple.mail' }],
    ['# a comment \\\naltnamespace: no', {}],
    ['altnamespace:', {}],
    ['nonsense', {}],
    [': x', {}],
    ['@include: /etc/more.conf', {}],
    ['a: 1\n\nb: 2', { a: '1', b: '2' }],
  ])('%j', (text, options) => {
    expect(Object.fromEntries(parseImapdConf(text))).toEqual(options);
  });
});

describe('namespaceOf', () => {
  function namespace(text: string): unknown {
    return namespaceOf(parseImapdConf(text));
  }

  it("is Cyrus's default where nothing is set", () => {
    expect(namespace('')).toEqual(DEFAULT_NAMESPACE);
    expect(namespace('servername: mail.example.org')).toEqual(DEFAULT_NAMESPACE);
  });

  it('reads every option', () => {
    const text = `altnamespace: no\nunixhierarchysep: off\nvirtdomains: userid\ndefaultdomain: example.com
      userprefix: Others\nsharedprefix: Public\naltprefix: Odd`;
    expect(namespace(text)).toEqual({
      separator: '.',
      altNamespace: false,
      virtualDomains: true,
      defaultDomain: 'example.com',
      otherUsersPrefix: 'Others',
      sharedPrefix: 'Public',
      altPrefix: 'Odd',
    });
  });

  it.each(['yes', 'on', 't', 'true', '1', 'Yes', 'TRUE'])('%s switches on', (word) => {
    expect(namespace(`altnamespace: ${word}`)).toMatchObject({ altNamespace: true });
    expect(namespace(`unixhierarchysep: ${word}`)).toMatchObject({ separator: '/' });
    expect(namespace(`virtdomains: ${word}`)).toMatchObject({ virtualDomains: true });
  });

  it.each(['no', 'off', 'f', 'false', '0', 'No', 'OFF'])('%s switches off', (word) => {
    expect(namespace(`altnamespace: ${word}`)).toMatchObject({ altNamespace: false });
    expect(namespace(`unixhierarchysep: ${word}`)).toMatchObject({ separator: '.' });
    expect(namespace(`virtdomains: ${word}`)).toMatchObject({ virtualDomains: false });
  });

  it('takes nonsense for the default', () => {
    const text = 'altnamespace: perhaps\nunixhierarchysep: /\nvirtdomains: some';
    expect(namespace(text)).toEqual(DEFAULT_NAMESPACE);
  });
});

it('finds the APNs topic', () => {
  expect(apsTopicOf(parseImapdConf('aps_topic: com.apple.mail.XServer.1\naps_topic_caldav: x'))).toBe(
    'com.apple.mail.XServer.1',
  );
  expect(apsTopicOf(parseImapdConf('aps_topic_caldav: x'))).toBeUndefined();
});

describe('readImapdConf', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'xapplepush-imapd-conf-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function write(name: string, text: string): string {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  }

  function refusal(file: string): OperatorError {
    try {
      readImapdConf(file);
    } catch (error) {
      if (error instanceof OperatorError) return error;
    }
    return expect.unreachable('no OperatorError');
  }

  it('reads a file and those it includes, relative to the including one', () => {
    mkdirSync(join(folder, 'conf.d'));
    write('conf.d/topic', 'aps_topic: t\n@include: prefix');
    write('conf.d/prefix', 'userprefix: Others');
    const absolute = write('absolute', 'sharedprefix: Public');
    const file = write(
      'imapd.conf',
      `altnamespace: no\n#@include: none\n@Include: conf.d/topic\n@include: ${absolute}\n@other: x\n`,
    );
    const { options, missing } = readImapdConf(file);
    expect(missing).toBe(false);
    expect(Object.fromEntries(options)).toEqual({
      altnamespace: 'no',
      aps_topic: 't',
      userprefix: 'Others',
      sharedprefix: 'Public',
    });
  });

  it('finds nothing in a file that does not exist', () => {
    expect(readImapdConf(join(folder, 'none'))).toEqual({ options: new Map(), missing: true });
  });

  it('refuses a file that cannot be read', () => {
    const error = refusal(folder);
    expect(error.exitCode).toBe(78);
    expect(error.message).toContain(`cannot read Cyrus's configuration ${folder}: EISDIR`);
    expect(error.hint).toContain('imapd_conf');
  });

  it('refuses to go on without an included file', () => {
    const error = refusal(write('imapd.conf', '@include: none.conf'));
    expect(error.exitCode).toBe(78);
    expect(error.message).toContain(join(folder, 'none.conf'));
  });

  it('refuses files that include each other', () => {
    const file = write('imapd.conf', '@include: imapd.conf');
    const error = refusal(file);
    expect(error.exitCode).toBe(78);
    expect(error.message).toContain('more than 10 files deep');
    expect(error.hint).toContain('@include');
  });
});
