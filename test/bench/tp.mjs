import { startMock } from './mock.mjs';
import { ended, createSandbox, runScript } from './sandbox.mjs';
import { processorMsOf } from './numbers.mjs';
import { fillOutbox, fillTargets, SHARED, shareMailbox } from './targets.mjs';
const PUSHES = 10_000, CONCURRENCY = 500;
const YAML = `delivery: { throttle: 0s, deadline: 60s }\ntargets: { shared_mailboxes: true }\n`;
const mock = await startMock();
async function rateOf(name, send) {
  const counted = await mock.expect(PUSHES);
  const b = processorMsOf({ pid: mock.pid });
  const cpu = await send(counted);
  const r = (await counted()).rate;
  const m = processorMsOf({ pid: mock.pid }) - b;
  console.log(name, Math.round(r)+'/s', 'us/push', (1e6/r).toFixed(1), 'mock cpu us', (m/10).toFixed(1), 'client cpu us', cpu?.toFixed?.(1) ?? '');
  return r;
}
const kinds = {
  bare: () => runScript('bare-client.mjs', { ...mock, count: PUSHES, concurrency: CONCURRENCY }).then(()=>undefined),
  one: async () => {
    const sandbox = createSandbox({ mock, yaml: YAML });
    try {
      await fillTargets(sandbox.store, PUSHES, mock.topic);
      await shareMailbox(sandbox.store);
      const uri = `imap://mail.example.org/${SHARED.path};UIDVALIDITY=1/;UID=1`;
      sandbox.run(['--wait'], `${JSON.stringify({ event: 'MessageNew', uri, user: 'somebody' })}\n`);
    } finally { await sandbox.close(); }
  },
  serve: async (counted) => {
    const sandbox = createSandbox({ mock, yaml: YAML });
    try {
      await fillTargets(sandbox.store, PUSHES, mock.topic);
      await fillOutbox(sandbox.store, PUSHES);
      const child = sandbox.start(['serve']);
      await counted();
      const cpu = processorMsOf(child) / 10;
      await ended(child);
      return cpu;
    } finally { await sandbox.close(); }
  },
  apn: () => runScript('node-apn-client.mjs', { ...mock, count: PUSHES, concurrency: 200 }).then(()=>undefined),
  apn500: () => runScript('node-apn-client.mjs', { ...mock, count: PUSHES, concurrency: 500 }).then(()=>undefined),
};
const names = process.argv[2]?.split(',') ?? Object.keys(kinds);
const n = Number(process.argv[3] ?? 3);
const all = {};
for (let i = 0; i < n; i++) for (const k of names) (all[k] ??= []).push(await rateOf(k, kinds[k]));
const med = (v) => [...v].sort((a, b) => a - b)[Math.floor(v.length / 2)];
for (const k of names) console.log('median', k, Math.round(med(all[k])), names.includes('bare') ? 'x bare ' + med(all[k].map((r, i) => r / all.bare[i])).toFixed(3) : '', names.includes('apn') ? 'x apn ' + med(all[k].map((r, i) => r / all.apn[i])).toFixed(3) : '');
await mock.close();
