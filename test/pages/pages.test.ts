import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MAX_MAILBOXES_PER_PUSH, MAX_PAYLOAD_BYTES } from '../../src/apns/payload.ts';
import { parseImapdConf } from '../../src/config/imapd-conf.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ExitCode } from '../../src/process/errors.ts';
import { MAX_EVENT_BYTES } from '../../src/events/read.ts';
import { BACKOFF_S } from '../../src/outbox/backoff.ts';
import { ANSWER_TIMEOUT_MS } from '../../src/delivery/carry.ts';
import { VERSION } from '../../src/process/installation.ts';
import { helpTexts } from '../support/command-tree.ts';
import { contentOf, type Page, page, PAGES, PROJECT } from './markdown.ts';

const design = contentOf('docs/design.md');
const cyrus = page('docs/cyrus.md');

/** What people read to use it. */
const GUIDES = PAGES.filter(({ file }) => file === 'README.md' || file.startsWith('docs/'));
const blocks = GUIDES.flatMap((each) => each.blocks);
const inlineCode = GUIDES.flatMap((each) => each.inlineCode);

function section(title: string, text: string): string {
  return (text.split(`## ${title}\n`)[1] ?? '').split(/^#{2,3} /m)[0] ?? '';
}

describe('the README', () => {
  const readme = contentOf('README.md');

  test('is short', () => {
    expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(8192);
  });

  test.each(['npm ci && npm run --silent demo', 'npm ci && npm test'])('shows the command %s', (command) => {
    expect(page('README.md').blocks.map(({ text }) => text)).toContain(`${command}\n`);
  });

  test('shows lines of imapd.conf that are those of the example', () => {
    const [shown] = page('README.md').blocks.filter(({ text }) => text.includes('notify_external:'));
    const example = parseImapdConf(contentOf('examples/cyrus/imapd.conf'));
    const options = parseImapdConf(shown?.text ?? '');
    expect(options.size).toBe(3);
    for (const [name, value] of options) expect(value, name).toEqual(example.get(name));
  });
});

test('troubleshooting is read on a server: no line is longer than its terminal', () => {
  const lines = contentOf('docs/troubleshooting.md').split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
});

describe('commands', () => {
  const helps = helpTexts();
  /** '' where there is no such command. */
  const helpOf = (words: readonly string[]): string => helps.get(words.join(' ')) ?? '';
  const general = helpOf([]);

  /** The names below `Commands:` of a help text, without the other names of a command. */
  const subcommandsIn = (help: string): string[] =>
    [...(help.split('Commands:\n')[1]?.split('\n\n')[0] ?? '').matchAll(/^ {2}([^\s|]+)/gm)].map(
      ([, name]) => name ?? '',
    );

  const names = subcommandsIn(general).filter((name) => name !== 'help');
  const GROUPS = names.filter((name) => helpOf([name]).includes('Commands:\n'));
  const commands = names.flatMap((name) =>
    GROUPS.includes(name)
      ? subcommandsIn(helpOf([name]))
          .filter((verb) => verb !== 'help')
          .map((verb) => [name, verb])
      : [[name]],
  );

  /** The subcommand that an invocation names; `handle` where it names none. */
  const subcommandOf = (words: readonly string[]): string[] => {
    const names = words.slice(0, GROUPS.includes(words[0] ?? '') ? 2 : 1);
    return names[0] === undefined || /^[-<]/.test(names[0]) ? ['handle'] : names;
  };

  test('each option that it speaks of is one of the command', () => {
    const help = [general, ...commands.map(helpOf)].join('\n');
    const options = inlineCode.filter((code) => /^--\w/.test(code)).map((code) => code.split(' ')[0] ?? '');
    expect(options).toContain('--wait');
    const known = new Set([...help.matchAll(/^ +(?:-\w, )?(--[a-z-]+)\b/gm)].map(([, name]) => name));
    expect(options.filter((option) => !known.has(option))).toEqual([]);
  });

  test('each command and option of the command is in the table, and nothing else', () => {
    const rows = contentOf('docs/commands.md').match(/^\| `xapplepush.*$/gm) ?? [];
    const named = rows.map((row) => {
      const [first = '', ...rest] = [...row.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '');
      const last = rest.find((code) => code.startsWith('xapplepush ')) ?? first;
      const options = new Set(row.match(/(?<=[` ])--?[a-z][-a-z]*/g));
      return { command: subcommandOf(last.split(' ').slice(1)), options: [...options].sort() };
    });
    const real = commands.map((command) => {
      const options = helpOf(command).match(/^ {2}(--?[a-z][-a-z]*)/gm) ?? [];
      const names = options.map((option) => option.trim()).filter((option) => option !== '-h');
      return { command, options: names.sort() };
    });
    const byName = (a: { command: string[] }, b: { command: string[] }): number =>
      a.command.join(' ').localeCompare(b.command.join(' '));
    expect(named.sort(byName)).toEqual(real.sort(byName));
  });

  test('the exit codes are those of the program', () => {
    const codes = [...section('Exit codes', contentOf('docs/commands.md')).matchAll(/^\| (\d+) /gm)].map(
      ([, code]) => Number(code),
    );
    expect(codes).toEqual(Object.values(ExitCode));
  });
});

describe('files', () => {
  const named = [...inlineCode, ...blocks.flatMap(({ text }) => text.split(/[\s,;]+/))];
  const paths = new Set(
    [...named, ...design.split(/[\s`,;()]+/)].filter((word) =>
      /^(?:src|test|bin|examples|docs|build|dovecot|packaging(?!\/out|\/container\/secrets)|\.ci)\/[^\s*]*$/.test(
        word,
      ),
    ),
  );
  test.each([...paths])('%s exists', (path) => {
    expect(existsSync(join(PROJECT, path))).toBe(true);
  });

  test('every folder of the source is explained', () => {
    const folders = readdirSync(join(PROJECT, 'src')).filter((name) =>
      statSync(join(PROJECT, 'src', name)).isDirectory(),
    );
    for (const folder of folders) expect(design, folder).toContain(`\nsrc/${folder}/ `);
  });

  test('every npm script that it names exists', () => {
    const { scripts } = JSON.parse(contentOf('package.json')) as { scripts: Record<string, string> };
    const named = [...blocks.map(({ text }) => text), ...inlineCode].flatMap((code) =>
      [
        ...code.matchAll(
          /npm (?:run )?(?:--silent )?(?!ci|install|prune|ls|pack|prefix|rebuild|root)([a-z]+)/g,
        ),
      ].map(([, name]) => name ?? ''),
    );
    expect(named).toContain('demo');
    for (const name of named) expect(scripts).toHaveProperty(name);
  });
});

test('the examples of a configuration can be loaded', () => {
  const yamlOf = ({ blocks }: Page): string[] =>
    blocks.filter(({ language }) => language === 'yaml').map(({ text }) => text);
  const yaml = yamlOf(page('docs/configuration.md'));
  expect(yaml).toHaveLength(2);
  const uncommented = (yaml[0] ?? '').replace(/^( *)# (?=\w+: )/gm, '$1');
  const dir = mkdtempSync(join(tmpdir(), 'xapplepush-readme-'));
  try {
    const file = join(dir, 'config.yaml');
    for (const each of GUIDES.flatMap(yamlOf)) {
      writeFileSync(file, each);
      expect(loadConfig(file, {})).toHaveProperty('apns');
    }
    writeFileSync(file, yaml[0] ?? '');
    expect(loadConfig(file, {})).toMatchObject({
      apns: { certificate: '/etc/xapplepush/apns/mail.pem' },
      log: { destination: '/var/log/xapplepush/xapplepush.log' },
    });
    writeFileSync(file, uncommented);
    expect(loadConfig(file, {}).apns).toMatchObject({
      key: '/etc/xapplepush/apns/mail.key',
      passphraseFile: '/etc/xapplepush/passphrase',
    });
    writeFileSync(file, yaml[1] ?? '');
    expect(loadConfig(file, {}).apns.proxy).toEqual({
      address: 'http://proxy.example.org:3128',
      passwordFile: '/etc/xapplepush/proxy-password',
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
});

describe('Cyrus', () => {
  test('imapd.conf is that of examples/cyrus', () => {
    const [shown] = cyrus.blocks.filter(({ text }) => text.includes('notify_external:'));
    const options = parseImapdConf(shown?.text ?? '');
    expect(options.size).toBe(6);
    expect(parseImapdConf(contentOf('examples/cyrus/imapd.conf'))).toEqual(options);
  });

  test('cyrus.conf is that of examples/cyrus', () => {
    const [shown] = cyrus.blocks.filter(({ text }) => text.includes('SERVICES {'));
    const linesOf = (text: string): string[] =>
      text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('#'));
    expect(linesOf(contentOf('examples/cyrus/cyrus.conf'))).toEqual(linesOf(shown?.text ?? ''));
  });
});

test('every dependency is named, and no other', () => {
  const { dependencies, optionalDependencies, devDependencies } = JSON.parse(
    contentOf('package.json'),
  ) as Record<'dependencies' | 'optionalDependencies' | 'devDependencies', Record<string, string>>;
  const rows = section('Dependencies', design).match(/^\| `[^|]+/gm) ?? [];
  const named = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''));
  const all = Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies });
  expect(named.sort()).toEqual(all.sort());
});

describe('numbers', () => {
  const { delivery, targets, prune } = loadConfig(undefined, {}, '/nonexistent/xapplepush.yaml');

  test.each([
    ['delivery', `${BACKOFF_S.slice(0, -1).join(', ')} and ${BACKOFF_S.at(-1)} seconds`],
    ['delivery', `| ${MAX_EVENT_BYTES} bytes`],
    ['delivery', `| ${MAX_PAYLOAD_BYTES} bytes`],
    ['delivery', `| ${MAX_MAILBOXES_PER_PUSH} `],
    ['delivery', `| ${ANSWER_TIMEOUT_MS / 1000} s `],
    ['delivery', `| ${targets.maxPerUser} `],
    ['security', `${targets.maxPerUser} at most`],
    ['design', `\`delivery.linger\`, ${delivery.lingerMs / 1000} seconds`],
    ['delivery', `\`delivery.give_up\`, ${delivery.giveUpMs / 3_600_000} hours`],
    ['comparison', `for ${delivery.giveUpMs / 3_600_000} hours`],
    ['operating', `\`prune.older_than\`, ${prune.olderThanMs / 86_400_000} days`],
  ])('docs/%s.md: %s', (name, text) => {
    expect(contentOf(`docs/${name}.md`)).toContain(text);
  });
});

test('the changelog begins with this version', () => {
  expect(contentOf('CHANGELOG.md')).toMatch(
    new RegExp(`^# Changelog\n\n## ${VERSION.replaceAll('.', '\\.')}\\b`),
  );
});
