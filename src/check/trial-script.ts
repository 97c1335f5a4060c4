/** What is tried as another user. */
export interface Trial {
  /**
   * read, append: opens the file so. fill: makes something in the folder and removes it.
   * execute: asks whether it may be executed. run: executes it with `--version` and no PATH.
   */
  kind: 'read' | 'append' | 'fill' | 'execute' | 'run';
  path: string;
}

/** How a trial went. */
export interface TrialResult {
  /** errno name or such; undefined where it went well. */
  code?: string;
  /** The folder on the way that cannot be entered or does not exist. */
  at?: string;
  /** run: how it ended, and what it wrote. */
  exitCode?: number | null;
  stdout?: string;
  stderr?: string;
}

/** The argument of the script, as JSON. */
export interface TrialOrder {
  uid: number;
  gid: number;
  trials: readonly Trial[];
  environment: Record<string, string>;
  timeoutMs: number;
}

/**
 * Runs in a process of its own, which becomes that user for good: access(2) answers for the real user. A script
 * and no module, so that the user need not be able to read this program. Writes a TrialResult for each trial.
 */
export const TRIAL_SCRIPT = String.raw`
'use strict';
const fs = require('node:fs');
const { dirname } = require('node:path');
const { spawnSync } = require('node:child_process');
const { uid, gid, trials, environment, timeoutMs } = JSON.parse(process.argv[1]);

if (process.geteuid() === 0 && uid !== 0) {
  try {
    process.initgroups(uid, gid);
  } catch {
    process.setgroups([gid]); // a user without an entry in passwd(5)
  }
  process.setgid(gid);
  process.setuid(uid);
}

const { O_RDONLY, O_WRONLY, O_APPEND, O_NONBLOCK, X_OK } = fs.constants;
const open = (flags) => (path) => fs.closeSync(fs.openSync(path, flags));

const attempts = {
  read: open(O_RDONLY | O_NONBLOCK),
  append: open(O_WRONLY | O_APPEND | O_NONBLOCK),
  fill: (folder) => fs.rmdirSync(fs.mkdtempSync(folder + '/.xapplepush-check-')),
  execute: (path) => fs.accessSync(path, X_OK),
  run: (path) => {
    const options = { env: environment, cwd: '/', timeout: timeoutMs, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
    const { error, status, stdout, stderr } = spawnSync(path, ['--version'], options);
    if (error) throw error;
    return { exitCode: status, stdout, stderr };
  },
};

function closedFolder(path) {
  const folders = [];
  for (let at = dirname(path); ; at = dirname(at)) {
    folders.unshift(at);
    if (at === dirname(at)) break;
  }
  return folders.find((folder) => {
    try {
      fs.accessSync(folder, X_OK);
      return false;
    } catch {
      return true;
    }
  });
}

const results = trials.map(({ kind, path }) => {
  try {
    return attempts[kind](path) ?? {};
  } catch (error) {
    return { code: error.code ?? String(error), at: closedFolder(path) };
  }
});
process.stdout.write(JSON.stringify(results));
`;
