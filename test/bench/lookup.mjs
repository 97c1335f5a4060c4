// Finding the targets of a mailbox, or of a calendar, among a thousand and among a million: random ones, each lookup a
// transaction.
import { median } from './numbers.mjs';
import { calendarNo } from './targets.mjs';
import './typescript.mjs';

const { openStore } = await import('../../src/store/open.ts');

const LOOKUPS = 20_000;

/** Before: V8 compiles, SQLite fills its cache. Whoever looks up so many runs for weeks. */
const FIRST_LOOKUPS = 5000;

const ROUNDS = 31;
const SIZES = [1000, 1_000_000];

export async function lookup({ storeOf, calendarsOf }) {
  const inboxNo = (n) => ({ owner: `user${n}`, path: 'INBOX' });
  return [
    await growth('the devices of a mailbox, 1,000 -> 1,000,000 devices', storeOf, inboxNo),
    await growth('who hears of a calendar, 1,000 -> 1,000,000 subscriptions', calendarsOf, calendarNo),
  ];
}

async function growth(what, storeOf, mailboxNo) {
  const series = SIZES.map((targets) => ({ targets, us: [] }));
  for (let round = 0; round < ROUNDS; round += 1) {
    // Now the one first, now the other.
    for (const { targets, us } of round % 2 === 0 ? series : series.toReversed())
      us.push(await lookupUs(await storeOf(targets), targets, mailboxNo));
  }
  const [few, many] = series.map(({ us }) => us);
  return {
    what: `finding ${what}`,
    goal: '<= 1.5 x itself',
    ratio: median(many.map((us, round) => us / few[round])), // neighbours: the machine changes its speed
    raw: `${median(few).toFixed(1)} -> ${median(many).toFixed(1)} us of processor`,
    limit: 'one page more of the index from the kernel, and ten comparisons more',
  };
}

/** Processor time, which other processes change less than the time that passes. */
async function lookupUs(file, targets, mailboxNo) {
  const store = openStore(file, { create: false, batched: true }); // as `serve` does
  const mailboxes = Array.from({ length: FIRST_LOOKUPS + LOOKUPS }, () =>
    mailboxNo(Math.floor(Math.random() * targets)),
  );
  try {
    await lookUp(store, mailboxes.slice(0, FIRST_LOOKUPS));
    const before = process.cpuUsage();
    await lookUp(store, mailboxes.slice(FIRST_LOOKUPS));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / LOOKUPS;
  } finally {
    store.close();
  }
}

async function lookUp(store, mailboxes) {
  for (const mailbox of mailboxes) {
    const found = await store.subscribed([mailbox]);
    if (found.length !== 1) throw new Error(`${mailbox.owner} ${mailbox.path} has ${found.length} targets`);
  }
}
