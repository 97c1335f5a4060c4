// Pushes a second out of the outbox of `serve` where each answer of Apple's takes 300 ms, over one connection and over
// several: 500 pushes under way on each are the limit, until this machine is.
import { startMock } from './mock.mjs';
import { median, perSecond } from './numbers.mjs';
import { rateOf, serve } from './throughput.mjs';

const DELAY_MS = 300;
const PUSHES = 10_000;
const ROUNDS = 3;
const CONNECTIONS = [2, 4];

export async function far() {
  const mock = await startMock({ delayMs: DELAY_MS });
  try {
    const rounds = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measured(mock));
    return CONNECTIONS.map((connections) => ({
      what: `Apple ${DELAY_MS} ms away: ${connections} connections beside one`,
      goal: connections === 2 ? '>= 1.5 x' : 'reported',
      ratio: median(rounds.map((rates) => rates[connections] / rates[1])),
      raw: [1, connections]
        .map((count) => perSecond(median(rounds.map((rates) => rates[count]))))
        .join(' to '),
      limit: 'streams of a connection ÷ round trip; then the sending process',
    }));
  } finally {
    await mock.close();
  }
}

async function measured(mock) {
  const rates = {};
  for (const connections of [1, ...CONNECTIONS]) {
    const send = (counted) => serve(mock, counted, { pushes: PUSHES, connections });
    rates[connections] = await rateOf(mock, send, PUSHES);
  }
  return rates;
}
