import { closeSync, existsSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { VERSION } from '../process/installation.ts';
import { type Point, ok, problem, skipped, warning } from './point.ts';
import type { MailUser } from '../process/mail-user.ts';
import { obstacle, tryAs } from './trial.ts';
import type { TrialResult } from './trial-script.ts';

export const NOTIFY_EXTERNAL = 'notify_external';
export const HANDLER = 'handler';

/** What notifyd executes for each event: whether it can, and whether that is this program and starts; `place` is where it is set. */
export function checkHandler(
  path: string | undefined,
  user: MailUser,
  { environment, place }: { environment: NodeJS.ProcessEnv; place: string },
): Point[] {
  const point = checkPath(path, user, `${place}: notify_external: /usr/bin/xapplepush`);
  if (path === undefined || point.state === 'problem') return [point, skipped(HANDLER, NOTIFY_EXTERNAL)];
  switch (basename(realpathSync(path))) {
    case 'xapplepush': // the launcher; links to it may have any name
      return [point, checkStart(path, user, environment)];
    case 'xapplepush-spool':
      return [point, ok(HANDLER, `${path} puts events into the spool, for a running xapplepush serve`)];
    default:
      return [point, checkForeign(path)];
  }
}

function checkPath(path: string | undefined, user: MailUser, setIt: string): Point {
  if (path === undefined) return problem(NOTIFY_EXTERNAL, 'not set: notifyd starts nothing', setIt);
  const found = obstacle(user, { kind: 'execute', path });
  if (found !== undefined) {
    const words = /\s/.test(path) ? '; it is one path, without arguments' : '';
    return problem(NOTIFY_EXTERNAL, found.text + words, found.fix);
  }
  if (!statSync(path).isFile()) return problem(NOTIFY_EXTERNAL, `${path} is no file`, setIt);
  const missing = missingInterpreter(path);
  if (missing !== undefined)
    return problem(
      NOTIFY_EXTERNAL,
      `${path} begins with #!${missing}, which does not exist`,
      `install ${missing}, or correct that line`,
    );
  return ok(NOTIFY_EXTERNAL, `${path}: ${user.called} can execute it`);
}

/** execve(2): the interpreter of a script; undefined for other files and where it exists. */
function missingInterpreter(path: string): string | undefined {
  const interpreter = interpreterOf(path)?.[0];
  return interpreter === undefined || existsSync(interpreter) ? undefined : interpreter;
}

/** Linux looks at 256 bytes. */
const FIRST_LINE_MAX_BYTES = 256;

/** The words after `#!`. */
function interpreterOf(path: string): string[] | undefined {
  const bytes = Buffer.alloc(FIRST_LINE_MAX_BYTES);
  const descriptor = openSync(path, 'r');
  try {
    const text = bytes.toString('latin1', 0, readSync(descriptor, bytes));
    return /^#!\s*([^\n]+)/.exec(text)?.[1]?.trim().split(/\s+/);
  } finally {
    closeSync(descriptor);
  }
}

/** A wrapper, perhaps; it is not started, since nobody knows what it would do. */
function checkForeign(path: string): Point {
  const [interpreter, ...words] = interpreterOf(path) ?? [];
  if (interpreter !== undefined && basename(interpreter) === 'env')
    return warning(
      HANDLER,
      `${path} finds ${words.at(-1) ?? 'its interpreter'} by PATH, and Cyrus may have none`,
      'name the interpreter with its whole path',
    );
  return warning(
    HANDLER,
    `${path} is not the launcher of xapplepush and is not tried`,
    'unless it is a wrapper of yours that starts xapplepush, set notify_external to /usr/bin/xapplepush',
  );
}

function checkStart(path: string, user: MailUser, environment: NodeJS.ProcessEnv): Point {
  const node = environment['XAPPLEPUSH_NODE'];
  const given = node === undefined ? {} : { XAPPLEPUSH_NODE: node };
  const [result = {}] = tryAs(user, [{ kind: 'run', path }], { environment: given });
  return judgeStart(path, user.called, result);
}

/** What the trial start means. */
export function judgeStart(path: string, called: string, result: TrialResult): Point {
  const { code, exitCode, stdout = '', stderr = '' } = result;
  const started = `${path} --version as ${called} without a PATH`;
  if (code === 'ETIMEDOUT')
    return problem(HANDLER, `${started} does not end`, 'see what hinders it: run it yourself');
  if (code !== undefined)
    return problem(HANDLER, `${started} fails: ${code}`, 'see what hinders it: run it yourself');
  if (exitCode === 127)
    return problem(
      HANDLER,
      `${started} finds no Node: ${firstLine(stderr)}`,
      'install Node 20 or later as /usr/bin/node or /usr/local/bin/node, or name it by XAPPLEPUSH_NODE in the environment of Cyrus and of this check',
    );
  if (exitCode !== 0)
    return problem(
      HANDLER,
      `${started} ends with ${String(exitCode)}: ${firstLine(stderr)}`,
      hintIn(stderr) ?? `let ${called} read the whole folder of the program, with dist and node_modules`,
    );
  const version = stdout.trim();
  if (version !== VERSION)
    return warning(
      HANDLER,
      `Cyrus starts version ${version}, and this is ${VERSION}`,
      'let notify_external and the command name the same installation',
    );
  return ok(HANDLER, `starts as ${called} without a PATH, version ${version}`);
}

/** What the launcher, or the program, says that is to be done. */
function hintIn(text: string): string | undefined {
  return /^xapplepush: hint: (.*)$/m.exec(text)?.[1];
}

function firstLine(text: string): string {
  const line = text.split('\n').find((each) => /error|not found|denied/i.test(each)) ?? text.split('\n')[0];
  return (line ?? '').trim() || 'it says nothing';
}
