// What befalls the host of a soak, its Apple, its certificate, its clock and its disk.
import { MOODS } from './soak-apple.mjs';
import { pause } from './numbers.mjs';

const TROUBLE_MS = 4000;
const HOUR_MS = 3_600_000;

/** Together far less than delivery.give_up, after which a push may be dropped. */
const JUMPS_H = [0, 1, -1, 6, -6];

/** What happens to `serve` comes as often as a third of all else. */
const OFTEN = 4;

/** One trouble after the other, in an order by chance in which each comes, until it is over. */
export async function keepTroubling({ host, apple, certificate, disk, devices, tally, isOver }) {
  const troubles = troublesOf({ host, apple, certificate, disk, devices });
  const fix = async () => {
    await apple.mood('200');
    certificate.put('good');
  };
  tally.untried = new Set(troubles.map(([name]) => name));
  for (let n = 0; !isOver(); n += 1) {
    if (n % troubles.length === 0) shuffle(troubles);
    const [name, begin, end] = troubles[n % troubles.length];
    await begin();
    tally.troubles[name] = (tally.troubles[name] ?? 0) + 1;
    tally.untried.delete(name);
    for (const endMs = Date.now() + TROUBLE_MS; !isOver() && Date.now() < endMs;) await pause(200);
    end?.();
    if (n % 2 === 1) await fix(); // else it meets the next one
    host.startWhereEnded();
  }
  await fix();
  host.clock(0);
  host.startWhereEnded();
}

/** Each with its name and, where it ends with its time, what ends it. */
function troublesOf({ host, apple, certificate, disk, devices }) {
  const restart = async (signal) => {
    await host.end(signal);
    host.start();
  };
  const ofServe = [
    ['reload', () => host.reload()],
    ['restart', () => restart('SIGTERM')],
    ['kill -9', () => restart('SIGKILL')],
    ['take over', () => host.takeOver()],
  ];
  return [
    ...Array(OFTEN).fill(ofServe).flat(),
    ...MOODS.map((mood) => [mood, () => apple.mood(mood)]),
    ...certificate.states.map((state) => [`certificate ${state}`, () => certificate.put(state)]),
    ...JUMPS_H.map((hours) => [`clock at ${hours} h`, () => host.clock(hours * HOUR_MS)]),
    ['devices gone', () => someOf(devices, 3).forEach(({ token }) => apple.loses(token))],
    ...(disk.canBeFull ? [['disk full', () => disk.fill(), () => disk.free()]] : []),
  ];
}

function shuffle(list) {
  for (let last = list.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [list[last], list[other]] = [list[other], list[last]];
  }
}

function someOf(list, count) {
  return Array.from({ length: count }, () => list[Math.floor(Math.random() * list.length)]);
}
