import type * as ChildProcess from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ExitCode, OperatorError } from './errors.ts';
import { readDescriptors } from './handed-over.ts';
import { mayNot } from './own-program.ts';
import { foldersOnTheWay, userWithId } from './rights.ts';

/** A user and group by number. */
export interface Owner {
  uid: number;
  gid: number;
}

/** Another process, which has changed its user, does all that this one was started for. */
export class HandedOver extends Error {
  readonly child: ChildProcess.ChildProcess;
  /** How it ended. Rejects where it could not be started. */
  readonly end: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(child: ChildProcess.ChildProcess) {
    super('another process goes on as another user');
    this.name = 'HandedOver';
    this.child = child;
    this.end = endOf(child);
    this.end.catch(() => undefined); // whoever waits for it hears of it, perhaps a little later
  }
}

/** Has the descriptors, by name, of the files that whoever started us has opened, because we may not be able to. */
const OPENED_FILES = 'XAPPLEPUSH_OPENED_FILES';

const handedDown = takeHandedDown();

/** For whoever goes on as another user. */
const opened = new Map<string, number>();

/** Opens a file of the command line for reading, as whoever called; who goes on as another user has it too. */
export function openAsCaller(file: string): number {
  const fd = handedDown.get(file) ?? openSync(file, 'r');
  opened.set(file, fd);
  return fd;
}

/** The descriptor of a file that was opened before this process became another user's, once; else undefined. */
export function takeOpened(file: string): number | undefined {
  const fd = handedDown.get(file);
  handedDown.delete(file);
  return fd;
}

/** Whom this process starts has other descriptors. */
function takeHandedDown(): Map<string, number> {
  const text = process.env[OPENED_FILES];
  if (text === undefined) return new Map();
  Reflect.deleteProperty(process.env, OPENED_FILES);
  return new Map(Object.entries(JSON.parse(text) as Record<string, number>));
}

/**
 * Starts the same command line as that user, on the same standard streams, with the sockets that systemd hands over and
 * the files opened by then, the configuration among them. It ends when this process does. Throws OperatorError where
 * that user may not read the program, of which Node would say that it is not there.
 */
export function handOver(owner: Owner, configFile?: string): HandedOver {
  const asOwner = commandAs(owner, []);
  expectReadable(owner, asOwner, process.argv[1] ?? '');
  const [program, ...args] = meantBySystemd([...asOwner, ...ownCommand(), ...process.argv.slice(2)]);
  const { descriptors } = readDescriptors(process.env, process.pid);
  const stdio = [0, 1, 2, ...descriptors];
  const { env, files } = handDown(configFile, stdio.length);
  return new HandedOver(childProcess().spawn(program, args, { env, stdio: [...stdio, ...files] }));
}

/**
 * The files opened by now, the configuration among them, as descriptors from `first` on of a process that another user
 * goes on with, and the environment in which it finds them.
 */
export function handDown(
  configFile: string | undefined,
  first: number,
): { env: NodeJS.ProcessEnv; files: number[] } {
  if (configFile !== undefined) openAsCaller(configFile);
  const places = [...opened.keys()].map((file, index) => [file, first + index]);
  const names = JSON.stringify(Object.fromEntries(places));
  return { env: { ...process.env, [OPENED_FILES]: names }, files: [...opened.values()] };
}

function expectReadable({ uid }: Owner, asOwner: [string, ...string[]], program: string): void {
  // By test(1), which asks the kernel; where that cannot be tried, Node shall say it.
  const [command, ...args] = asOwner;
  const may = (right: '-r' | '-x', path: string): boolean =>
    childProcess().spawnSync(command, [...args, 'test', right, path], { stdio: 'ignore' }).status !== 1;
  if (may('-r', program)) return;
  const closed = foldersOnTheWay(program).find((folder) => !may('-x', folder));
  throw mayNot(userWithId(uid), closed === undefined ? `read ${program}` : `enter ${closed}`);
}

/** Variables in which systemd names the process that its sockets and its watchdog are for. */
const PID_VARIABLES = ['LISTEN_PID', 'WATCHDOG_PID'];

/** Has those that name this process name the one that the command becomes, whose pid a shell knows. */
function meantBySystemd(command: [string, ...string[]]): [string, ...string[]] {
  const ours = PID_VARIABLES.filter((name) => process.env[name] === String(process.pid));
  if (ours.length === 0) return command;
  return ['sh', '-c', `${ours.map((name) => `${name}=$$`).join(' ')} exec "$@"`, 'sh', ...command];
}

/**
 * The command line by which setpriv(1) of util-linux starts a program as that user, in all groups of theirs. It keeps
 * standard streams, environment and exit status. What kills the parent and cannot be passed on kills the program too.
 */
export function commandAs({ uid, gid }: Owner, command: readonly string[]): [string, ...string[]] {
  const groups = hasName(uid) ? ['--init-groups'] : ['--groups', String(gid)];
  const ids = ['--reuid', String(uid), '--regid', String(gid)];
  return ['setpriv', ...ids, ...groups, '--pdeathsig', 'KILL', '--', ...command];
}

/** What Node was started with, up to the program. */
export function ownCommand(): string[] {
  return [process.execPath, ...process.execArgv, ...process.argv.slice(1, 2)];
}

/** A user without an entry in passwd(5) is in no group but its own. */
function hasName(uid: number): boolean {
  return childProcess().spawnSync('id', ['-un', '--', String(uid)], { stdio: 'ignore' }).status === 0;
}

/** Loaded where it is needed: an event of the mail server never is. */
function childProcess(): typeof ChildProcess {
  return createRequire(import.meta.url)('node:child_process') as typeof ChildProcess;
}

/** What may be sent to this process and is meant for the one that goes on. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGCONT'] as const;

/** Passes signals on until it ends, and gives its exit code; where a signal ended it, this process ends by the same. */
export async function endedInstead({ child, end }: HandedOver): Promise<ExitCode> {
  const pass = (signal: NodeJS.Signals): void => {
    if (!cameFromTerminal(signal)) child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  const { code, signal } = await end.finally(() => {
    for (const each of SIGNALS) process.off(each, pass);
  });
  if (signal !== null) process.kill(process.pid, signal);
  return (code ?? ExitCode.tryAgain) as ExitCode;
}

function endOf(child: ChildProcess.ChildProcess): HandedOver['end'] {
  return new Promise((resolve, reject) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', (cause) => {
      const hint = 'install util-linux, or run the command as the user that owns the database';
      const message = `cannot act as another user: setpriv does not start (${cause.message})`;
      reject(new OperatorError(message, { exitCode: ExitCode.configuration, hint, cause }));
    });
  });
}

/** A key of a terminal signals all processes in its foreground, so both of us. */
function cameFromTerminal(signal: NodeJS.Signals): boolean {
  if (signal !== 'SIGINT' && signal !== 'SIGQUIT') return false;
  // proc_pid_stat(5): state, ppid, pgrp, session, tty_nr, tpgid behind the name in brackets
  const [, , group, , , foreground] =
    readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return group === foreground;
}
