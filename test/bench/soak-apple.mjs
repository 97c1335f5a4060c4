// Apple for the soak: the strict stand-in, in this process, whose moods change, and which remembers what it was told.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import './typescript.mjs';

const { startMockApns } = await import('../../src/apns/mock/server.ts');
const { issueClientCertificate } = await import('../../src/apns/credentials/pki.ts');

const DAY_MS = 86_400_000;

/** `closed`: nobody listens. The others are answers of the stand-in. */
export const MOODS = [
  '200',
  '429/TooManyRequests+2',
  '500',
  '503',
  '403/BadCertificate',
  'goaway',
  'reset',
  'silent',
  'disconnect',
  'closed',
];

/** Contents of that many apns-ids are compared: a soak of days must not fill the memory. */
const REMEMBERED_IDS = 200_000;

export async function startApple(dir) {
  const [tally, toldMs, goneMs, contents] = [{}, new Map(), new Map(), new Map()];
  let twoContents = 0;
  const onPush = ({ deviceToken, atMs, answer, apnsId, topic, payload }) => {
    apple.mock.received.length = 0;
    tally[answer] = (tally[answer] ?? 0) + 1;
    if (answer === '200') toldMs.set(deviceToken, atMs);
    if (answer.startsWith('410')) goneMs.set(deviceToken, atMs);
    const content = JSON.stringify([deviceToken, topic, payload]);
    if ((contents.get(apnsId) ?? content) !== content) twoContents += 1;
    contents.set(apnsId, content);
    if (contents.size > REMEMBERED_IDS) contents.delete(contents.keys().next().value);
  };
  const apple = {
    mock: await startMockApns({ dir, port: 0, onPush }),
    tally,
    /** When each device was told last, and when Apple said last that it is gone. */
    toldMs,
    goneMs,
    twoContents: () => twoContents,
    mood: async (mood) => {
      const { port } = apple.mock;
      if (mood === 'closed') return apple.mock.close();
      await apple.mock.close(); // whether it was closed or not
      apple.mock = await startMockApns({ dir, port, onPush });
      apple.mock.setAnswers('*', [mood]);
    },
    /** The device is gone once; then whoever has this token is well. */
    loses: (token) => apple.mock.setAnswers(token, [`410/Unregistered@${Date.now() + DAY_MS}`, '200']),
  };
  return apple;
}

/** Certificate and key in one file, replaced as a careful administrator does. Gives a function for each state. */
export function certificates({ files, topic }, file) {
  const authority = {
    certificatePem: readFileSync(files.ca, 'utf8'),
    keyPem: readFileSync(files.caKey, 'utf8'),
  };
  const pemUntil = (days) => {
    const notAfter = new Date(Date.now() + days * DAY_MS);
    const validity = { notBefore: new Date(Date.now() - 400 * DAY_MS), notAfter };
    const { certificatePem, keyPem } = issueClientCertificate(authority, {
      topic,
      topics: [topic],
      validity,
    });
    return certificatePem + keyPem;
  };
  const states = {
    good: pemUntil(300),
    expired: pemUntil(-10),
    garbage: 'no certificate\n',
    renewed: pemUntil(360),
  };
  const put = (state) => {
    writeFileSync(join(`${file}.new`), states[state], { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  put('good');
  return { put, states: Object.keys(states) };
}
