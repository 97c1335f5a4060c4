// Apple for the soak: the strict stand-in, in this process, whose moods change, and which remembers whom it told.
import './typescript.mjs';

const { startMockApns } = await import('../../src/apns/mock/server.ts');

/** What Apple, or what stands between, says to everybody; the last two are no answers, and are explained below. */
export const MOODS = [
  ...[
    '429',
    '429/TooManyRequests+2',
    '500',
    '503',
    '403/BadCertificate',
    '410/Unregistered',
    '400/BadDeviceToken',
  ],
  ...['400/DeviceTokenNotForTopic', '400/TopicDisallowed', 'html/200', 'html/302', 'html/407'],
  ...['goaway', 'goaway/BadCertificateEnvironment', 'reset', 'silent', 'disconnect'],
  ...['503/Shutdown', '400/IdleTimeout', 'closed', 'no streams'],
];

/** So many apns-ids are remembered with what they told: a soak of days must not fill the memory. */
const REMEMBERED_IDS = 200_000;

export async function startApple(dir) {
  const memory = rememberPushes();
  const lost = new Set();
  let [mood, mock] = ['200', undefined];
  const open = async (port) => {
    const answers = Object.fromEntries([...lost].map((token) => [token, ['410']]));
    mock = await startMockApns({ dir, port, answers, onPush: (push) => memory.note(push, mock) });
  };
  await open(0);
  const { port, url, files, topic } = mock;
  return {
    ...{ url, files, topic, tally: memory.tally },
    ...{ toldMs: memory.toldMs, goneMs: memory.goneMs, tellings: memory.tellings },
    again: () => memory.again,
    twoContents: () => memory.twoContents,
    /** 200, or one of MOODS: `closed`: nobody listens; `no streams`: SETTINGS allow none until they are raised. */
    mood: async (next) => {
      if (next === 'closed') await mock.close();
      else if (mood === 'closed') await open(port);
      mood = next;
      if (mood === 'closed') return;
      mock.limitStreams(mood === 'no streams' ? 0 : 1000);
      mock.setAnswers('*', [mood === 'no streams' ? '200' : mood]);
    },
    /** The device is gone, until it registers again. */
    loses: (token) => {
      lost.add(token);
      mock.setAnswers(token, ['410']);
    },
    finds: (token) => {
      lost.delete(token);
      mock.setAnswers(token, []);
    },
    close: () => mock.close(),
  };
}

function rememberPushes() {
  const contents = new Map();
  const told = new Set();
  const memory = {
    /** Pushes by answer. */
    tally: {},
    /** By device token: when it was told last, when Apple said last that it is gone, how many apns-ids it was told. */
    toldMs: new Map(),
    goneMs: new Map(),
    tellings: new Map(),
    /** Pushes that Apple took once more under the same apns-id. */
    again: 0,
    /** apns-ids that had two contents. */
    twoContents: 0,
    note: ({ deviceToken, atMs, answer, apnsId, topic, payload }, { received }) => {
      received.length = 0;
      memory.tally[answer] = (memory.tally[answer] ?? 0) + 1;
      if (/^410|BadDeviceToken/.test(answer)) memory.goneMs.set(deviceToken, atMs);
      const content = JSON.stringify([deviceToken, topic, payload]);
      if ((contents.get(apnsId) ?? content) !== content) memory.twoContents += 1;
      forgetOldest(contents.set(apnsId, content));
      if (answer !== '200') return;
      memory.toldMs.set(deviceToken, atMs);
      if (told.has(apnsId)) memory.again += 1;
      else memory.tellings.set(deviceToken, (memory.tellings.get(deviceToken) ?? 0) + 1);
      forgetOldest(told.add(apnsId));
    },
  };
  return memory;
}

function forgetOldest(remembered) {
  if (remembered.size > REMEMBERED_IDS) remembered.delete(remembered.keys().next().value);
}
