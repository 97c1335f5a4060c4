import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const TOKEN = `80aa34cb${'0'.repeat(52)}4f3a`;
const ACCOUNT = 'E8B6AF0C-1111-2222-3333-444455556666';
const IMPORTS =
  "import { createLog } from './src/process/log.js'; import { reportError } from './src/process/report.js'; import { OperatorError } from './src/process/errors.js';\n";

const PARTS = ['due-writes', 'errors', 'installation', 'log', 'log-file', 'own-program', 'redact', 'report']
  .concat('rights', 'standard-error', 'text')
  .map((name) => `process/${name}`);

/** A folder with log.ts, report.ts and what they import as JavaScript: what is written to file descriptor 2 shows only in a process of its own. */
let program: string;
let folder: string;

beforeAll(() => {
  program = fs.mkdtempSync(path.join(os.tmpdir(), 'xapplepush-log-'));
  fs.symlinkSync(path.resolve('node_modules'), path.join(program, 'node_modules'));
  fs.writeFileSync(path.join(program, 'package.json'), '{"type":"module","version":"1.2.3"}');
  fs.mkdirSync(path.join(program, 'src', 'process'), { recursive: true });
  for (const name of PARTS) compile(name);
});

afterAll(() => {
  fs.rmSync(program, { recursive: true });
});

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(program, 'case-'));
});

function compile(name: string): void {
  const { outputText } = ts.transpileModule(fs.readFileSync(`src/${name}.ts`, 'utf8'), {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  });
  fs.writeFileSync(path.join(program, 'src', `${name}.js`), outputText);
}

function argumentsOf(code: string): string[] {
  return ['--input-type=module', '-e', IMPORTS + code];
}

function run(code: string, stderr: 'pipe' | number = 'pipe') {
  return spawnSync(process.execPath, argumentsOf(code), {
    cwd: program,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', stderr],
    timeout: 20_000,
  });
}

/** What `code` writes to standard error through `log`; it must end well and leave standard output alone. */
function stderrOf(code: string, options = "{ level: 'debug', destination: 'stderr' }"): string {
  const { status, stdout, stderr } = run(`const log = createLog(${options}); ${code}`);
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  return stderr;
}

function logFile(): string {
  return path.join(folder, 'xapplepush.log');
}

/** The lines that `code` writes to a log file, and what it writes to standard error. */
function fileOf(code: string, level = 'debug', file = logFile()) {
  const stderr = stderrOf(code, JSON.stringify({ level, destination: file }));
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  const lines = text.split('\n').filter((line) => line !== '');
  return { stderr, text, entries: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('a log on standard error', () => {
  const good = (code: string, want: string): void => {
    it(code, () => {
      expect(stderrOf(`log.${code}`)).toBe(`${want}\n`);
    });
  };
  good("info('started')", 'xapplepush: info: started');
  good("debug('a', { n: 3, yes: true })", 'xapplepush: debug: a n=3 yes=true');
  good("warn('a', { absent: undefined })", 'xapplepush: warn: a');
  good("error('a', { user: 'alice b', empty: '' })", 'xapplepush: error: a user="alice b" empty=""');
  good(`info('a', { quote: '"', equals: 'a=b' })`, String.raw`xapplepush: info: a quote="\"" equals="a=b"`);
  good("info('a', { mailboxes: ['INBOX', 'Entwürfe'] })", 'xapplepush: info: a mailboxes=INBOX,Entwürfe');
  good(`info('a', { deviceToken: '${TOKEN}' })`, 'xapplepush: info: a deviceToken=80aa34cb…4f3a');
  good(`info('a', { accountId: '${ACCOUNT}' })`, 'xapplepush: info: a accountId=E8B6AF0C…');
  good(
    "info('a', { passphrase: 'secret', key: 'k' })",
    'xapplepush: info: a passphrase=[redacted] key=[redacted]',
  );
  good(`info('a', { deviceToken: ['${TOKEN}'] })`, 'xapplepush: info: a deviceToken=80aa34cb…4f3a');
  good(
    String.raw`info('a', { user: 'x\nxapplepush: error: forged' })`,
    String.raw`xapplepush: info: a user="x\nxapplepush: error: forged"`,
  );
  good(
    String.raw`info('a\nxapplepush: error: forged')`,
    String.raw`xapplepush: info: a\nxapplepush: error: forged`,
  );
  good(
    String.raw`info('a', { user: '\x1b[2J\x9b\r\u2028\u202e\0' })`,
    String.raw`xapplepush: info: a user="\u001b[2J\u009b\r\u2028\u202e\u0000"`,
  );

  it('writes from its level on', () => {
    const lines = ['debug', 'info', 'warn', 'error'].map((level) => `log.${level}('x');`).join('');
    const levelsAt = (level: string): string[] => {
      const written = stderrOf(lines, JSON.stringify({ level, destination: 'stderr' }));
      return [...written.matchAll(/: (\w+): x\n/g)].map(([, name]) => name!);
    };
    expect(levelsAt('debug')).toEqual(['debug', 'info', 'warn', 'error']);
    expect(levelsAt('warn')).toEqual(['warn', 'error']);
    expect(levelsAt('error')).toEqual(['error']);
  });

  it('begins its lines with the name it was given', () => {
    expect(stderrOf("log.info('x')", "{ level: 'info', destination: 'stderr', name: 'mock-apns' }")).toBe(
      'mock-apns: info: x\n',
    );
  });
});

describe('a standard error that is broken does not fail the program', () => {
  const code =
    "createLog({ level: 'info', destination: 'stderr' }).info('x'); reportError(new Error('y')); process.exitCode = 7";

  it('where the device is full', () => {
    const full = fs.openSync('/dev/full', 'w');
    expect(run(code, full).status).toBe(7);
    fs.closeSync(full);
  });

  it('where a pipe is full (EAGAIN)', () => {
    const fifo = path.join(folder, 'fifo');
    spawnSync('mkfifo', [fifo]);
    const fd = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    expect(() => {
      for (;;) fs.writeSync(fd, Buffer.alloc(4096));
    }).toThrow('EAGAIN');
    // Node sets the descriptors of a child to blocking; a socket on it sets it back.
    expect(run(`import { Socket } from 'node:net'; new Socket({ fd: 2 }).unref(); ${code}`, fd).status).toBe(
      7,
    );
    fs.closeSync(fd);
  });

  it('where nobody reads it any more (EPIPE)', async () => {
    const child = spawn(
      process.execPath,
      argumentsOf(`process.stdin.once('data', () => { ${code}; process.stdin.pause(); })`),
      {
        cwd: program,
        stdio: ['pipe', 'ignore', 'pipe'],
      },
    );
    child.stderr.destroy();
    await once(child.stderr, 'close');
    const exited = once(child, 'exit');
    child.stdin.end('now');
    expect(await exited).toEqual([7, null]);
  });
});

describe('a log in a file', () => {
  it('has a line of JSON for each entry', () => {
    const { stderr, entries } = fileOf(
      "log.info('registered', { user: 'alice', n: 1, absent: undefined }); log.debug('b')",
    );
    expect(stderr).toBe('');
    expect(entries).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
        program: 'xapplepush',
        pid: expect.any(Number) as number,
        user: 'alice',
        n: 1,
        msg: 'registered',
      },
      expect.objectContaining({ level: 'debug', msg: 'b' }),
    ]);
  });

  it('redacts as standard error does', () => {
    const fields = JSON.stringify({
      deviceToken: TOKEN,
      accountId: ACCOUNT,
      passphrase: 'secret',
      key: 'secret',
    });
    const { entries, text } = fileOf(`log.info('x', ${fields})`);
    expect(entries).toEqual([
      expect.objectContaining({
        deviceToken: '80aa34cb…4f3a',
        accountId: 'E8B6AF0C…',
        passphrase: '[redacted]',
        key: '[redacted]',
      }),
    ]);
    expect(text).not.toContain('secret');
  });

  it('escapes what could forge a line or steer a terminal, and keeps the value', () => {
    const user = 'x\n{"level":"error"}\u2028\u009b\u001b\u{e0001}';
    const { entries, text } = fileOf(`log.info('%s', { user: ${JSON.stringify(user)} })`);
    expect(entries).toEqual([expect.objectContaining({ user, msg: '%s' })]);
    expect(text.replace(/\n$/, '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
  });

  it('is created with mode 0640 and appended to', () => {
    const umask = process.umask(0o022);
    fileOf("log.info('first')");
    process.umask(umask);
    expect(fs.statSync(logFile()).mode & 0o777).toBe(0o640);
    expect(fileOf("log.info('second')").entries.map(({ msg }) => msg)).toEqual(['first', 'second']);
  });

  it('follows a rotation', () => {
    const file = JSON.stringify(logFile());
    const { entries } = fileOf(
      `import fs from 'node:fs'; log.info('old'); await 0; fs.renameSync(${file}, ${file} + '.1'); log.info('new')`,
    );
    expect(entries.map(({ msg }) => msg)).toEqual(['new']);
  });

  it('does not exist before the first line', () => {
    fileOf("log.debug('x')", 'info');
    expect(fs.existsSync(logFile())).toBe(false);
  });

  it('gives way to standard error, with one warning, where it cannot be written', () => {
    const file = path.join(folder, 'missing', 'x.log');
    const { stderr } = fileOf("log.info('one', { user: 'alice' }); log.info('two')", 'info', file);
    const [warning, ...lines] = stderr.trimEnd().split('\n');
    expect(warning).toMatch(
      /^xapplepush: warn: cannot write the log file file=\S+missing\/x.log error="ENOENT/,
    );
    expect(lines).toEqual(['xapplepush: info: one user=alice', 'xapplepush: info: two']);
  });

  it('is told once more when it could be written in between', () => {
    const file = path.join(folder, 'comes', 'x.log');
    const dir = JSON.stringify(path.dirname(file));
    const { stderr } = fileOf(
      `import fs from 'node:fs'; log.info('one'); log.info('two'); await 0; fs.mkdirSync(${dir}); log.info('three');
      await 0; fs.rmSync(${dir}, { recursive: true }); log.info('four')`,
      'info',
      file,
    );
    expect(stderr.split('cannot write the log file').length - 1).toBe(2);
    expect(stderr).not.toContain('three');
  });

  it('gives way where it is a pipe that nobody reads, without waiting', () => {
    const fifo = path.join(folder, 'fifo');
    spawnSync('mkfifo', [fifo]);
    const stderr = stderrOf("log.info('one')", JSON.stringify({ level: 'info', destination: fifo }));
    expect(stderr).toMatch(/ENXIO.*\nxapplepush: info: one\n$/);
  });
});

describe('pino', () => {
  const isLoaded = (code: string): string => {
    const { stdout } = run(`import { createRequire } from 'node:module';
      const log = createLog({ level: 'info', destination: ${JSON.stringify(logFile())} });
      ${code};
      const loaded = Object.keys(createRequire(process.cwd() + '/x').cache);
      process.stdout.write(String(loaded.some((file) => file.includes('/node_modules/pino/'))));`);
    return stdout;
  };

  it('is loaded with the first line and not before', () => {
    expect(isLoaded('')).toBe('false');
    expect(isLoaded("log.debug('below the level')")).toBe('false');
    expect(isLoaded("createLog({ level: 'info', destination: 'stderr' }).info('x')")).toBe('false');
    expect(isLoaded("log.info('x')")).toBe('true');
  });
});

describe('reportError', () => {
  const operatorError = String.raw`new OperatorError('bad\nworse', { exitCode: 78, hint: 'fix it' })`;

  it('tells error and hint before there is a log', () => {
    expect(stderrOf(`reportError(${operatorError})`)).toBe(
      'xapplepush: error: bad\n  worse\nxapplepush: hint: fix it\n',
    );
  });

  it('tells once where the log is standard error', () => {
    expect(stderrOf("reportError(new OperatorError('bad', { exitCode: 65, hint: 'fix it' }), log)")).toBe(
      'xapplepush: error: bad\nxapplepush: hint: fix it\n',
    );
  });

  it('tells the log file too', () => {
    const { stderr, entries } = fileOf(`reportError(${operatorError}, log)`);
    expect(stderr).toBe('xapplepush: error: bad\n  worse\nxapplepush: hint: fix it\n');
    expect(entries).toEqual([expect.objectContaining({ level: 'error', msg: 'bad\nworse', hint: 'fix it' })]);
  });

  it('calls a bug one, with its stack in the log file at debug level only', () => {
    const bug = "reportError(new TypeError('boo'), log)";
    const { stderr, entries } = fileOf(bug);
    expect(stderr).toMatch(/^xapplepush: error: internal error: boo\nxapplepush: hint: .*report it.*\n$/);
    expect(entries).toEqual([
      expect.objectContaining({ level: 'error', msg: 'internal error: boo' }),
      expect.objectContaining({ level: 'debug', stack: expect.stringContaining('at file:') as string }),
    ]);
    fs.rmSync(logFile());
    expect(fileOf(bug, 'info').entries).toHaveLength(1);
  });

  it('keeps the stack from standard error where the log file cannot be written', () => {
    const { stderr } = fileOf(
      "reportError(new TypeError('boo'), log)",
      'debug',
      path.join(folder, 'missing', 'x'),
    );
    expect(stderr).not.toMatch(/ at |stack=/);
  });

  it('takes whatever was thrown', () => {
    expect(stderrOf("reportError('text')")).toMatch(/^xapplepush: error: internal error: text\n/);
    expect(stderrOf('reportError(undefined)')).toMatch(/^xapplepush: error: internal error: undefined\n/);
  });
});
