// Pushes a second: one process with an event for 10,000 devices, `serve` with 10,000 pushes in its outbox, two libraries
// that keep nothing, and the least that sends the same pushes. All to the same mock, from the first push to the last.
import { ended, createSandbox, runScript } from './sandbox.mjs';
import { median, perSecond } from './numbers.mjs';
import { countOutbox, fillOutbox, fillTargets, SHARED, shareMailbox } from './targets.mjs';

export const PUSHES = 10_000;
const ROUNDS = 7;

/** What `serve` has under way at once; the bare loop has as many. */
const CONCURRENCY = 500;

/**
 * Ways to use each library, of which the best over all rounds counts. apns2's own pool of 32 connections with one push at
 * a time each is slower.
 */
const LIBRARIES = {
  apns2: [100, 500].map((pipelining) => ({
    script: 'apns2-client.mjs',
    how: `one connection of ${pipelining} streams`,
    task: {
      concurrency: CONCURRENCY,
      pool: { connections: 1, pipelining, maxConcurrentStreams: pipelining },
    },
  })),
  '@parse/node-apn': [200, CONCURRENCY].map((concurrency) => ({
    script: 'node-apn-client.mjs',
    how: `one connection, ${concurrency} pushes at once`,
    task: { concurrency },
  })),
};

export const YAML = `delivery: { throttle: 0s, deadline: 60s }
targets: { shared_mailboxes: true }
`;

export async function throughput({ mock }) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measured(mock));
  const bare = rounds.map((rates) => rates.bare);
  const ratio = (name, other) => median(rounds.map((rates) => rates[name] / rates[other]));
  const raw = (name) => perSecond(median(rounds.map((rates) => rates[name])));
  const besideBare = (name) => `${raw(name)} beside ${perSecond(median(bare))}; in-flight ${CONCURRENCY}`;
  return [
    {
      what: '10,000 devices of one event, one process',
      goal: '>= 0.8 x a bare node:http2 loop',
      ratio: ratio('one', 'bare'),
      raw: besideBare('one'),
      limit: 'node:http2 in the sending process; SQLite beside it',
    },
    {
      what: 'serve: pushes out of the durable outbox',
      goal: '>= 0.6 x the bare loop',
      ratio: ratio('serve', 'bare'),
      raw: besideBare('serve'),
      limit: 'node:http2 in the sending process; SQLite beside it',
    },
    ...Object.entries(LIBRARIES).map(([name, ways]) => {
      const best = ways.reduce((one, other) =>
        ratio('serve', one.how) <= ratio('serve', other.how) ? one : other,
      );
      return {
        what: `serve beside npm's ${name}`,
        goal: 'ahead (> 1 x)',
        ratio: ratio('serve', best.how),
        raw: `${raw('serve')} beside ${raw(best.how)}; ${best.how}, the best of ${ways.length} ways`,
        limit: 'node:http2 in both; the library keeps nothing',
      };
    }),
  ];
}

/** The bare loop goes before and after ours: the machine changes its speed. */
async function measured(mock) {
  const before = await rateOf(mock, () => bare(mock));
  const one = await rateOf(mock, () => oneProcess(mock));
  const ours = await rateOf(mock, (counted) => serve(mock, counted));
  const after = await rateOf(mock, () => bare(mock));
  const rates = { bare: (before + after) / 2, one, serve: ours };
  for (const { how, script, task } of Object.values(LIBRARIES).flat())
    rates[how] = await rateOf(mock, () => runScript(script, { ...mock, ...task, count: PUSHES }));
  return rates;
}

export async function rateOf(mock, send, pushes = PUSHES) {
  const counted = await mock.expect(pushes);
  await send(counted);
  return (await counted()).rate;
}

function bare(mock) {
  return runScript('bare-client.mjs', { ...mock, count: PUSHES, concurrency: CONCURRENCY });
}

async function oneProcess(mock) {
  const sandbox = createSandbox({ mock, yaml: YAML });
  try {
    await fillTargets(sandbox.store, PUSHES, mock.topic);
    await shareMailbox(sandbox.store);
    const uri = `imap://mail.example.org/${SHARED.path};UIDVALIDITY=1/;UID=1`;
    const event = { event: 'MessageNew', uri, user: 'somebody', 'vnd.cmu.mailboxACL': 'anyone\tlr\t' };
    sandbox.run(['--wait'], `${JSON.stringify(event)}\n`);
  } finally {
    await sandbox.close();
  }
}

/**
 * `serve` sends what waits in its outbox, and is ended when all of it has come; the PostgreSQL of that URL, where one is
 * given, has its devices.
 */
export async function serve(mock, counted, { pushes = PUSHES, connections = 1, url } = {}) {
  const sandbox = createSandbox({ mock, connections, url, yaml: YAML });
  try {
    if (url === undefined) await fillTargets(sandbox.store, pushes, mock.topic);
    await fillOutbox(sandbox.store, pushes);
    const child = sandbox.start(['serve']);
    await counted();
    await ended(child); // writes down what has been answered
    const left = await countOutbox(sandbox.store);
    if (left > 0) throw new Error(`${left} pushes still wait`);
  } finally {
    await sandbox.close();
  }
}
