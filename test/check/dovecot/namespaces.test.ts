import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDoveconf } from '../../../src/check/dovecot/doveconf-output.ts';
import { judgeNamespaces } from '../../../src/check/dovecot/namespaces.ts';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { temporaryFolder } from '../../support/store.ts';

const SHARED_LINE =
  "dovecot: { namespaces: [{ prefix: shared/%u/, owner: '%u' }, { prefix: Public/, public: true }] }";

function captured(name: string): string {
  return readFileSync(join(import.meta.dirname, `../../fixtures/doveconf/${name}.txt`), 'utf8');
}

/** The output with another prefix of the shared namespace. */
function withPrefix(version: '2.3' | '2.4', prefix: string): string {
  return captured(`${version}-shared`).replace(/^( *prefix = )shared.*$/m, `$1${prefix}`);
}

function configured(yaml: string): Config {
  const file = join(temporaryFolder(), 'config.yaml');
  writeFileSync(file, yaml);
  return loadConfig(file, {});
}

/** What is said of it, each with its fix. */
function judged(output: string, yaml = ''): string[] {
  const doveconf = parseDoveconf(output);
  if (doveconf === undefined) throw new Error('no output of doveconf');
  return judgeNamespaces(doveconf, configured(yaml)).map(
    ({ state, text, fix }) => `${state}: ${text}${fix === null ? '' : ` → ${fix}`}`,
  );
}

describe.each(['2.3', '2.4'] as const)('the namespaces of Dovecot %s', (version) => {
  const output = captured(`${version}-shared`);

  test('are proposed as a line that can be copied, and are known by it', () => {
    expect(judged(output)).toEqual([
      `warning: it is not known whose mailboxes are in shared/%u/ and Public/: nobody is told of them → ${SHARED_LINE}`,
    ]);
    expect(judged(output, SHARED_LINE)).toEqual([
      'ok: mailboxes in shared/%u/ and Public/ are told to their owners alone, by targets.shared_mailboxes: false',
    ]);
    expect(judged(output, `${SHARED_LINE}\ntargets: { shared_mailboxes: true }`)).toEqual([
      'ok: mailboxes in shared/%u/ and Public/ are told to their owners and to who asked for them',
    ]);
  });

  test('that have gone are told', () => {
    const yaml = SHARED_LINE.replace('shared/', 'users/');
    expect(judged(output, yaml)).toEqual([
      `warning: it is not known whose mailboxes are in shared/%u/: nobody is told of them; dovecot.namespaces has users/%u/, and Dovecot has not → ${SHARED_LINE}`,
    ]);
  });

  test.each([
    [version === '2.3' ? 'shared/%%n/' : 'shared/$username/', 'shared/%n/'],
    [version === '2.3' ? 'shared/%%d/%%n/' : 'shared/$domain/$username/', 'shared/%d/%n/'],
    [version === '2.3' ? "O'Neil, %%{user}/" : "O'Neil, $user/", "O'Neil, %u/"],
  ])('%s is proposed as it is read again', (prefix, ours) => {
    const [, line = ''] = judged(withPrefix(version, prefix))[0]?.split(' → ') ?? [];
    expect(configured(line).dovecot.namespaces[0]).toEqual({ prefix: ours, owner: '%u', ownPrefix: '' });
    expect(judged(withPrefix(version, prefix), line)).toEqual([expect.stringMatching(/^ok/)]);
  });

  test('of users whose own names have a prefix', () => {
    const dotted = output.replace(/separator = \/\n/, 'separator = .\n  prefix = INBOX.\n');
    const [, line = ''] = judged(dotted)[0]?.split(' → ') ?? [];
    expect(configured(line).dovecot.namespaces[0]).toMatchObject({ ownPrefix: 'INBOX.' });
  });

  test('without any there is nothing to say', () => {
    expect(judged(captured(`${version}-debian`))).toEqual([]);
  });
});
