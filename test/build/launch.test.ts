import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registration } from '../support/events.ts';

/** Damaged files, each with an event of its own. */
const FLIPPED = Number(process.env['FLIPPED'] ?? 40);

/** What an event loads where the configuration is compiled. */
const FOR_EVENTS = /^(event|rolldown-runtime|registration|store|better-sqlite3.*)\.cjs\.code$/;

/** Knows the chunks that a process has loaded. */
const WATCHER = JSON.stringify(resolve('build/watch-scripts.cjs'));

/** A copy of the built program, in a place with characters that mean something in URLs. */
let program: string;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xapplepush-launch-'));
  program = join(folder, 'a place#1?%41');
  mkdirSync(program);
  for (const name of ['bin', 'schema.sql', 'package.json'])
    cpSync(name, join(program, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(program, 'node_modules'));
  writeFileSync(
    join(folder, 'config.yaml'),
    `store: ${folder}/store/x.db\nspool: ${folder}/spool\nimapd_conf: ${folder}/imapd.conf\napns: { topic: t }\n`,
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The database is new each time, so that the schema is read too. */
function install(change: (dist: string) => void = () => undefined): void {
  const dist = join(program, 'dist');
  for (const old of [dist, join(folder, 'store')]) rmSync(old, { recursive: true, force: true });
  cpSync('dist', dist, { recursive: true });
  change(dist);
}

function run(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(join(program, 'bin/xapplepush'), args, {
    cwd: '/',
    env: { XAPPLEPUSH_CONFIG: join(folder, 'config.yaml'), XAPPLEPUSH_NODE: process.execPath },
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function registersADevice(): void {
  const registration = readFileSync('examples/events/registration.json', 'utf8');
  expect(run([], registration)).toMatchObject({ status: 0, stdout: '' });
  const { status, stdout } = run(['targets', 'list', '--json']);
  expect({ status, user: (JSON.parse(stdout) as { user: string }[])[0]?.user }).toEqual({
    status: 0,
    user: 'alice',
  });
}

function codeFiles(dist: string): string[] {
  return readdirSync(dist).filter((name) => name.endsWith('.code'));
}

describe('the built program', () => {
  it('loads nothing for every event that takes long to load', () => {
    const loaded = readFileSync('dist/event.cjs', 'utf8').matchAll(/require\("(node:[^"]+)"\)/g);
    const modules = new Set([...loaded].map(([, name]) => name));
    expect([...modules].sort()).toEqual(['node:buffer', 'node:fs', 'node:path']);
  });

  it('runs from wherever it lies', () => {
    install();
    registersADevice();
    expect(run(['--version']).stdout).toBe(
      `${(JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version}\n`,
    );
  });

  it('runs without the code of V8', () => {
    install((dist) => codeFiles(dist).forEach((name) => rmSync(join(dist, name))));
    registersADevice();
  });

  it.each([
    ['that is none', () => Buffer.from('no code')],
    ['that is empty', () => Buffer.alloc(0)],
    ['that is half written', (code: Buffer) => code.subarray(0, code.length / 2)],
    [
      'of another version of V8',
      (code: Buffer) => Buffer.concat([code.subarray(0, 4), Buffer.alloc(4, 1), code.subarray(8)]),
    ],
  ])('runs with code %s', (_, spoil) => {
    install((dist) => {
      expect(codeFiles(dist)).toContain('event.cjs.code');
      for (const name of codeFiles(dist))
        writeFileSync(join(dist, name), spoil(readFileSync(join(dist, name))));
    });
    registersADevice();
  });

  it('takes events whichever bytes of its caches are damaged', () => {
    install();
    const dist = join(program, 'dist');
    const compiled = join(folder, 'config.yaml.compiled');
    rmSync(compiled, { force: true });
    while (!existsSync(compiled)) registersADevice(); // it is not kept of a configuration that was written just now
    const ofEvents = codeFiles(dist).filter((name) => FOR_EVENTS.test(name));
    expect(ofEvents).toHaveLength(5);
    const caches = [...ofEvents.map((name) => join(dist, name)), compiled];
    const users: string[] = [];
    for (let trial = 0; trial < FLIPPED; trial += 1) {
      const cache = caches[trial % caches.length]!;
      const whole = readFileSync(cache);
      const damaged = Buffer.from(whole);
      const at = Array.from({ length: 1 + (trial % 3) }, () => Math.floor(Math.random() * whole.length));
      for (const index of at) damaged[index]! ^= 1 + Math.floor(Math.random() * 255);
      writeFileSync(cache, damaged);
      const user = `user${trial}`;
      expect({ at, cache, ...run([], registration({ user })) }).toMatchObject({ status: 0, stdout: '' });
      writeFileSync(cache, whole);
      users.push(user);
    }
    const { stdout } = run(['targets', 'list', '--json']);
    const known = (JSON.parse(stdout) as { user: string }[]).map(({ user }) => user);
    expect(known.sort()).toEqual(['alice', ...users].sort());
  }, 180_000);

  it('has code that this V8 takes', () => {
    const script = `process.argv.splice(1, 9, 'x', '-c', 'MAIL');
      const { scripts } = require(${WATCHER});
      require(${JSON.stringify(resolve('dist/main.cjs'))});
      console.log([...scripts].map(([file, script]) => file + ' ' + script.cachedDataRejected).join());`;
    expect(spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout).toBe(
      'dist/event.cjs false,dist/rolldown-runtime.cjs false\n',
    );
  });

  it('loads for an event that concerns nobody what every event needs, and no more', () => {
    install();
    const script = `process.argv.splice(1, 9, 'x');
      const { scripts } = require(${WATCHER});
      require(${JSON.stringify(join(program, 'dist/main.cjs'))});
      process.on('exit', () => console.log([...scripts.keys()].join()));`;
    const loaded = (): string =>
      spawnSync(process.execPath, ['-e', script], {
        env: { XAPPLEPUSH_CONFIG: join(folder, 'config.yaml') },
        input: '{"event":"MailboxModseq","user":"","uri":"imap://mail.example.org/user/alice"}\n',
        encoding: 'utf8',
      }).stdout;
    const always = 'dist/event.cjs,dist/rolldown-runtime.cjs';
    // At first, perhaps, the configuration itself is read.
    expect([`${always}\n`, `${always},dist/config.cjs,dist/edition.cjs,dist/yaml.cjs\n`]).toContain(loaded());
  });

  it('loads neither YAML nor the schema where the configuration is compiled, and for a deliverer no command', () => {
    install();
    const config = join(folder, 'config.yaml');
    rmSync(`${config}.compiled`, { force: true });
    while (!existsSync(`${config}.compiled`)) registersADevice();
    for (const command of ['deliverer', 'flush', 'targets list']) {
      const script = `process.argv.splice(1, 9, 'x', ...${JSON.stringify(command.split(' '))});
        const { scripts } = require(${WATCHER});
        require(${JSON.stringify(join(program, 'dist/main.cjs'))});
        process.on('exit', () => process.stderr.write([...scripts.keys()].join()));`;
      const { status, stderr } = spawnSync(process.execPath, ['-e', script], {
        env: { XAPPLEPUSH_CONFIG: config },
        encoding: 'utf8',
      });
      expect({ command, status, stderr }).toEqual({
        command,
        status: 0,
        stderr: expect.stringContaining('event.cjs') as string,
      });
      expect(stderr).not.toMatch(/(?:config|yaml)\.cjs/);
      if (command === 'deliverer') expect(stderr).not.toMatch(/(?:run|terminal|import|serving)\.cjs/);
    }
  });

  it('names its functions in the trace of a stack', () => {
    install((dist) => {
      const chunk = join(dist, 'store.cjs');
      const source = readFileSync(chunk, 'utf8');
      const broken = source.replace(
        'function openStore(file, options) {',
        'function openStore(file, options) { null.x;',
      );
      expect(broken).not.toBe(source);
      writeFileSync(chunk, broken);
      rmSync(`${chunk}.code`);
      const config = join(folder, 'config.yaml');
      writeFileSync(
        config,
        `${readFileSync(config, 'utf8')}log: { level: debug, destination: ${folder}/log }\n`,
      );
    });
    run([], readFileSync('examples/events/registration.json', 'utf8'));
    expect(readFileSync(join(folder, 'log'), 'utf8')).toMatch(/at openStore \(dist\/store\.cjs:\d+:\d+\)/);
  });
});
