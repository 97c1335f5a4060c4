// What processor time whole processes take, user and system together, as ratios to a bare Node beside each. Unlike the
// time that passes it counts what a process does beside its waiting, and is nearly the same on a busy machine.
import { spawnSync } from 'node:child_process';
import { median, pause } from './numbers.mjs';
import { createSandbox } from './sandbox.mjs';
import { countOutbox, fillOutbox, fillTargets } from './targets.mjs';

const RUNS = Number(process.env.BENCH_RUNS ?? 40);

/** So old must a configuration be before its compiled form is kept: SETTLED_MS of src/config/compiled.ts, and a little more. */
const SETTLED_MS = 2100;

/** bash knows it to a millisecond, of the process and of those that it has waited for. */
const MEASURED = 'exec 3>&2; TIMEFORMAT="%3U %3S"; { time "$@" >/dev/null 2>&3; } 2>&1';

/** bin/xapplepush starts a deliverer as a handler does. */
const DELIVERER = ['deliverer'];

export async function processorCosts({ mock }) {
  const sandbox = createSandbox({
    mock,
    yaml: 'delivery: { linger: 0s }\n',
    logFile: true,
    logLevel: 'info',
  });
  try {
    await fillTargets(sandbox.store, 1, mock.topic);
    await pause(SETTLED_MS);
    const delivers = await compare(sandbox, DELIVERER, {
      before: () => fillOutbox(sandbox.store, 1),
      after: () => expectSent(sandbox.store),
    });
    const version = await compare(sandbox, ['--version']);
    return [
      row('a deliverer that sends one push', 2.2, delivers, 'Node, TLS, HTTP/2, SQLite, ten transactions'),
      row('xapplepush --version', 1.8, version, 'the start of Node'),
    ];
  } finally {
    await sandbox.close();
  }
}

async function expectSent(store) {
  const left = await countOutbox(store);
  if (left > 0) throw new Error('the deliverer has ended without sending its push');
}

/** Pairs of neighbours, now the one first, now the other, since the machine's speed changes from second to second. */
async function compare({ command, environment }, args, { before, after } = {}) {
  const pairs = [];
  for (let round = 0; round <= RUNS; round += 1) {
    await before?.();
    const earlierBaseMs = round % 2 === 0 ? bareMs() : undefined;
    const ms = processorMs(command, args, environment);
    const baseMs = earlierBaseMs ?? bareMs();
    await after?.();
    if (round > 0) pairs.push({ ms, baseMs }); // the first one compiles the configuration and makes the doorbell
  }
  return pairs;
}

function bareMs() {
  return processorMs(process.execPath, ['-e', '0'], {});
}

function processorMs(command, args, env) {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', MEASURED, 'bash', command, ...args], {
    env,
    cwd: '/',
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
  const [userS, systemS] = stdout.trim().split(' ').map(Number);
  return (userS + systemS) * 1000;
}

function row(what, goal, pairs, limit) {
  const ms = median(pairs.map((pair) => pair.ms));
  const baseMs = median(pairs.map((pair) => pair.baseMs));
  return {
    what: `processor time: ${what}`,
    goal: `<= ${goal} x a bare Node`,
    ratio: median(pairs.map((pair) => pair.ms / pair.baseMs)),
    raw: `${ms.toFixed(0)} ms beside ${baseMs.toFixed(0)} ms`,
    limit,
  };
}
