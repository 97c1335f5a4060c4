import './typescript.mjs';

const { startMockApns } = await import('../../src/apns/mock/server.ts');

const [dir, delayMs] = process.argv.slice(2);
let [wanted, seen, refused, firstMs] = [0, 0, 0, 0];
let arrivals = new Map();

const mock = await startMockApns({
  dir,
  port: 0,
  delayMs: Number(delayMs),
  onPush: ({ answer, deviceToken }) => {
    mock.received.length = 0; // nobody reads them
    seen += 1;
    if (!arrivals.has(deviceToken)) arrivals.set(deviceToken, Date.now());
    if (answer !== '200') refused += 1;
    if (seen === 1) firstMs = performance.now();
    if (seen === wanted) tell();
  },
});

function tell() {
  const tookMs = performance.now() - firstMs;
  if (refused > 0) process.send({ error: `${refused} of ${seen} pushes were refused` });
  else process.send({ rate: ((seen - 1) * 1000) / tookMs, lastMs: Date.now(), arrivals: [...arrivals] });
}

process.on('message', ({ pushes }) => {
  [wanted, seen, refused, arrivals] = [pushes, 0, 0, new Map()];
  process.send({ counting: true });
});
process.on('disconnect', () => process.exit());
process.on('SIGTERM', () => process.exit());

const { ca, clientCertificate: certificate, clientKey: key } = mock.files;
process.send({ url: mock.url.origin, ca, certificate, key, topic: mock.topic });
