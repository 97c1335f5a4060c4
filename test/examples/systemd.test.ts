import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ExitCode } from '../../src/process/errors.ts';
import { readHandedOver } from '../../src/process/handed-over.ts';
import { COMMAND } from '../support/command.ts';
import { describeWithTools, testAsRoot } from '../support/needs.ts';
import { temporaryFolder } from '../support/store.ts';

const FOLDER = fileURLToPath(new URL('../../examples/systemd', import.meta.url));
const UNITS = readdirSync(FOLDER).filter((name) => /\.(service|socket|timer)$/.test(name));
const SERVICES = UNITS.filter((name) => name.endsWith('.service'));
const SOCKETS = UNITS.filter((name) => name.endsWith('.socket'));

/** systemd-analyze rates from 0 to 10, and calls what is below 2 well protected; times ten here. */
const MAX_EXPOSURE = 20;

function contentOf(file: string): string {
  return readFileSync(join(FOLDER, file), 'utf8');
}

/** The values of a key, in order. */
function valuesOf(file: string, key: string): string[] {
  return [...contentOf(file).matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

/** The units, with a program in them that exists on this machine. */
function installed(): string {
  const folder = temporaryFolder();
  for (const unit of UNITS)
    writeFileSync(join(folder, unit), contentOf(unit).replaceAll('/usr/bin/xapplepush', '/bin/true'));
  return folder;
}

function analyze(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  if (error) throw error;
  return { status, output: stdout + stderr };
}

describeWithTools({ 'systemd-analyze': 'systemd' }, 'systemd-analyze', () => {
  test.each(UNITS)('verify finds nothing in %s', (unit) => {
    expect(analyze('verify', join(installed(), unit))).toEqual({ status: 0, output: '' });
  });

  test('verify would find a mistake', () => {
    const unit = join(installed(), 'xapplepush.service');
    writeFileSync(unit, readFileSync(unit, 'utf8').replace('WatchdogSec=', 'WatchDogSecs='));
    expect(analyze('verify', unit).output).toContain('WatchDogSecs');
  });

  test.each(SERVICES)('security is content with %s', (unit) => {
    const { status, output } = analyze(
      ...['security', '--offline=yes', `--threshold=${MAX_EXPOSURE}`, join(installed(), unit)],
    );
    expect(output).toMatch(/Overall exposure level for \S+: [01]\.\d OK/);
    expect(status).toBe(0);
  });

  test('the time of each timer is one', () => {
    for (const unit of UNITS.filter((name) => name.endsWith('.timer')))
      for (const time of valuesOf(unit, 'OnCalendar')) expect(analyze('calendar', time).status).toBe(0);
  });
});

describe('the units', () => {
  test.each(SERVICES)('%s starts a command that there is', (unit) => {
    const [command = '', ...more] = valuesOf(unit, 'ExecStart');
    expect(more).toEqual([]);
    const [program, ...words] = command.split(' ');
    expect(program).toBe('/usr/bin/xapplepush');
    if (words[0] === 'serve') return;
    const help = execFileSync(COMMAND, [...words, '--help'], { encoding: 'utf8' });
    expect(help).toContain(`xapplepush ${words.join(' ')}`);
  });

  test('each timer has its service', () => {
    for (const timer of UNITS.filter((name) => name.endsWith('.timer')))
      expect(SERVICES).toContain(timer.replace('.timer', '.service'));
  });

  test.each(SOCKETS)('%s is one that serve understands, and outlives it', (unit) => {
    const [name = ''] = valuesOf(unit, 'FileDescriptorName');
    const { sockets, problems } = readHandedOver(
      { LISTEN_PID: '1', LISTEN_FDS: '1', LISTEN_FDNAMES: name },
      1,
    );
    expect({ sockets, problems }).toEqual({
      sockets: { cyrus: [], http: [], dict: [], control: [], [name]: [3] },
      problems: [],
    });
    expect(valuesOf(unit, 'Service')).toEqual(['xapplepush.service']);
    expect(valuesOf(unit, 'ListenStream')).toHaveLength(1);
    if (name === 'http') return;
    expect(valuesOf(unit, 'RemoveOnStop')).toEqual(['no']);
    expect(valuesOf(unit, 'SocketUser')).toEqual(valuesOf('xapplepush.service', 'User'));
    expect(valuesOf('xapplepush.service', 'RuntimeDirectoryPreserve')).toEqual(['yes']);
  });

  test('all services are of one user and in one sandbox', () => {
    const sandboxOf = (unit: string): string =>
      /\n# What the program needs[^]*?\nLimitCORE=.*\n/.exec(contentOf(unit))?.[0] ?? unit;
    expect(new Set(SERVICES.map(sandboxOf)).size).toBe(1);
    for (const key of ['User', 'Group', 'UMask', 'StateDirectory', 'LogsDirectory'])
      expect(new Set(SERVICES.map((unit) => valuesOf(unit, key).join())).size, key).toBe(1);
  });

  test('what the configuration writes to by default can be written to', () => {
    const { store, spool, control } = loadConfig(undefined, {}, '/nonexistent/xapplepush.yaml');
    for (const unit of SERVICES) {
      const [state, logs] = [valuesOf(unit, 'StateDirectory'), valuesOf(unit, 'LogsDirectory')];
      expect(store).toMatch(new RegExp(`^/var/lib/${state[0] ?? '-'}/`));
      expect(control).toMatch(new RegExp(`^/var/lib/${state[0] ?? '-'}/`));
      expect(logs).toEqual(['xapplepush']);
      expect(valuesOf(unit, 'ReadWritePaths')).toEqual([`-${spool}`]);
    }
  });

  test('nobody starts again what a person must fix', () => {
    const codes = valuesOf('xapplepush.service', 'RestartPreventExitStatus').join().split(' ').map(Number);
    expect(codes).toEqual([ExitCode.usage, ExitCode.configuration]);
    const done = valuesOf('xapplepush-flush.service', 'SuccessExitStatus').join().split(' ').map(Number);
    expect(done).toEqual([ExitCode.unavailable, ExitCode.tryAgain]);
  });
});

describeWithTools({ 'systemd-sysusers': 'systemd' }, 'sysusers and tmpfiles', () => {
  /** A root directory with the users that the files speak of. */
  function rootWith(file: string, place: string): string {
    const root = temporaryFolder();
    for (const folder of ['etc', 'var', 'var/spool', place])
      mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0::/root:/bin/sh\ncyrus:x:113:8::/var/spool/cyrus:/bin/sh\n',
    );
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nmail:x:8:\n');
    writeFileSync(join(root, place, 'xapplepush.conf'), contentOf(file));
    return root;
  }

  test('systemd-sysusers makes a user that cannot log in', () => {
    const root = rootWith('xapplepush.sysusers', 'etc/sysusers.d');
    execFileSync('systemd-sysusers', [`--root=${root}`]);
    const entry = readFileSync(join(root, 'etc/passwd'), 'utf8')
      .split('\n')
      .find((line) => line.startsWith('xapplepush:'));
    expect(entry).toMatch(/^xapplepush:x:\d+:\d+:Apple Mail push:\/var\/lib\/xapplepush:.*nologin$/);
    expect(readFileSync(join(root, 'etc/group'), 'utf8')).toMatch(/^xapplepush:/m);
  });

  testAsRoot('systemd-tmpfiles makes the spool, and not twice', () => {
    const root = rootWith('xapplepush.tmpfiles', 'etc/tmpfiles.d');
    chmodSync(root, 0o755);
    for (let round = 0; round < 2; round += 1)
      execFileSync('systemd-tmpfiles', ['--create', `--root=${root}`], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const [folder, mode] of [
      ['', 0o750],
      ['tmp', 0o700],
      ['new', 0o700],
    ] as const) {
      const { mode: found, uid, gid } = statSync(join(root, 'var/spool/xapplepush', folder));
      expect([folder, found & 0o7777, uid, gid]).toEqual([folder, mode, 113, 8]);
    }
  });
});

describe('logrotate', () => {
  const text = contentOf('xapplepush.logrotate').replace(/^#.*\n/gm, '');
  const [, pattern = '', body = ''] = /^(\S+) \{\n((?: {4}.*\n)+)\}\n$/.exec(text) ?? [];
  const directives = body
    .trim()
    .split(/\s*\n\s*/)
    .map((line) => line.split(' '));

  test('rotates what the services write', () => {
    const [logs = ''] = valuesOf('xapplepush.service', 'LogsDirectory');
    expect(pattern).toBe(`/var/log/${logs}/*.log`);
  });

  test('has directives of logrotate(8) only, and acts as the services’ user', () => {
    const known = [
      'su',
      'weekly',
      'rotate',
      'missingok',
      'notifempty',
      'compress',
      'delaycompress',
      'nocreate',
    ];
    expect(directives.map(([name]) => name).sort()).toEqual([...known].sort());
    const [user = '', group = ''] = ['User', 'Group'].map((key) =>
      valuesOf('xapplepush.service', key).join(),
    );
    expect(directives).toContainEqual(['su', user, group]);
  });
});

test('nothing lies in the folder that no test looks at', () => {
  const others = ['xapplepush.logrotate', 'xapplepush.sysusers', 'xapplepush.tmpfiles'];
  expect(
    readdirSync(FOLDER)
      .map((name) => basename(name))
      .sort(),
  ).toEqual([...UNITS, ...others].sort());
});
