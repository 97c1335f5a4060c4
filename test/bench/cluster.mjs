// What a PostgreSQL of its own, which waits for the disk as SQLite does, makes of `serve`: events in by POST /events and
// pushes out of the outbox, beside SQLite, turn by turn; and pushes out by several `serve`s that share one.
import { started } from './events.mjs';
import { median, perSecond } from './numbers.mjs';
import { createSandbox, ended } from './sandbox.mjs';
import { EVENTS, posted } from './spool.mjs';
import { countOutbox, fillOutbox, fillPostgres } from './targets.mjs';
import { PUSHES, rateOf, serve, YAML } from './throughput.mjs';
import './typescript.mjs';

const { startPostgres } = await import('../support/postgres.ts');
const { postgresAvailability } = await import('../support/postgres-installation.ts');

const ROUNDS = 3;
const CLIENTS = 4;
const SERVES = [2, 4];

export async function cluster({ mock }) {
  const availability = postgresAvailability();
  if (!availability.available) return [missing(availability)];
  const postgres = await startPostgres(['fsync=on']);
  try {
    return [...(await besideSqlite(mock, postgres)), ...(await growth(mock, postgres))];
  } finally {
    await postgres.stop();
  }
}

function missing({ why, install }) {
  return {
    what: 'serve with PostgreSQL',
    goal: '',
    raw: `not measured: ${why}; as root: ${install}`,
    limit: '',
  };
}

async function besideSqlite(mock, postgres) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const rates = {};
    for (const engine of round % 2 === 0 ? ['sqlite', 'postgres'] : ['postgres', 'sqlite'])
      rates[engine] = await ratesOf(mock, engine === 'sqlite' ? undefined : postgres);
    rounds.push(rates);
  }
  const row = (key) => ({
    ratio: median(rounds.map(({ sqlite, postgres: other }) => other[key] / sqlite[key])),
    raw: ['postgres', 'sqlite'].map((engine) => perSecond(median(rounds.map((one) => one[engine][key])))),
  });
  return [
    {
      what: `PostgreSQL beside SQLite: events in by POST /events, ${CLIENTS} clients, committed`,
      goal: '>= 0.7 x',
      limit: 'two statements for each 500 events; serve and server share two cores',
      ...beside(row('eventsIn')),
    },
    {
      what: 'PostgreSQL beside SQLite: pushes out of the outbox',
      goal: '>= 0.5 x',
      limit: 'node:http2; serve, server and mock share two cores',
      ...beside(row('pushesOut')),
    },
  ];
}

function beside({ ratio, raw }) {
  return { ratio, raw: raw.join(' beside ') };
}

/** SQLite's where there is no PostgreSQL. */
async function ratesOf(mock, postgres) {
  const urls =
    postgres === undefined ? [] : [await filled(mock, postgres, EVENTS), await filled(mock, postgres)];
  const { rate: eventsIn } = await posted(mock, { url: urls[0], clients: CLIENTS });
  const pushesOut = await rateOf(mock, (counted) => serve(mock, counted, { url: urls[1] }));
  return { eventsIn, pushesOut };
}

async function growth(mock, postgres) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const rates = {};
    for (const serves of [1, ...SERVES])
      rates[serves] = await rateOf(mock, (counted) => shared(mock, postgres, counted, serves));
    rounds.push(rates);
  }
  return SERVES.map((serves) => ({
    what: `pushes out by ${serves} serves on one PostgreSQL, beside one`,
    goal: 'reported',
    ratio: median(rounds.map((rates) => rates[serves] / rates[1])),
    raw: [1, serves].map((count) => perSecond(median(rounds.map((rates) => rates[count])))).join(' to '),
    limit: 'the cores: all serves, the server and the mock share them',
  }));
}

/** So many that run when all pushes come at once. */
async function shared(mock, postgres, counted, serves) {
  const url = await filled(mock, postgres);
  const sandboxes = Array.from({ length: serves }, (_, n) =>
    createSandbox({ mock, url, yaml: `${YAML}host: mail${n}\n` }),
  );
  try {
    const running = await Promise.all(sandboxes.map(started));
    await fillOutbox(url, PUSHES);
    await counted();
    await Promise.all(running.map(ended)); // writes down what has been answered
    const left = await countOutbox(url);
    if (left > 0) throw new Error(`${left} pushes still wait`);
  } finally {
    await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
  }
}

/** The URL of a database with so many devices. */
async function filled(mock, postgres, devices = PUSHES) {
  const url = await postgres.database();
  await fillPostgres(postgres, url, devices, mock.topic);
  return url;
}
