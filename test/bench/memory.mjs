// Resident memory of `serve` with a million targets: idle, while events come in and are told, and while it sends what
// has piled up.
import { copyFileSync } from 'node:fs';
import { started, tell } from './events.mjs';
import { memoryOf, pause } from './numbers.mjs';
import { createSandbox } from './sandbox.mjs';
import { fillOutbox } from './targets.mjs';

const TARGETS = 1_000_000;
const EVENTS = 10_000;
const SETTLING_MS = 2000;
const GOAL_MIB = 120;

export async function memory({ mock, storeOf }) {
  const file = await storeOf(TARGETS);
  const steady = await withServe({ mock, file, waiting: 0 });
  const backlog = await withServe({ mock, file, waiting: EVENTS });
  const peakMiB = Math.max(steady.peakMiB, backlog.peakMiB);
  return [
    {
      what: 'resident memory of serve, 1,000,000 devices in the store',
      goal: '<= 120 MiB',
      ratio: peakMiB / GOAL_MIB,
      raw: `${steady.idleMiB} MiB idle; peak ${steady.peakMiB} under ${EVENTS} events, ${backlog.peakMiB} sending a backlog`,
      limit: 'Node itself is 45 MiB of code',
    },
  ];
}

async function withServe({ mock, file, waiting }) {
  const sandbox = createSandbox({ mock, yaml: 'delivery: { throttle: 0s }\n' });
  try {
    copyFileSync(file, sandbox.store);
    if (waiting > 0) await fillOutbox(sandbox.store, waiting);
    const counted = await mock.expect(EVENTS);
    const serve = await started(sandbox);
    await pause(SETTLING_MS);
    const { nowMiB: idleMiB } = memoryOf(serve);
    if (waiting === 0) await tell(sandbox, EVENTS);
    await counted();
    await pause(SETTLING_MS);
    return { idleMiB, peakMiB: memoryOf(serve).peakMiB };
  } finally {
    await sandbox.close();
  }
}
