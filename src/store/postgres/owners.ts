import type { Mailbox } from '../../mailboxes/mailbox.ts';
import type { Database } from './database.ts';

/**
 * Whose mailboxes devices ask for, kept in memory: most events are of users without a device, and need no look at theirs.
 *
 * Nobody is left out whatever is not heard of other hosts. The database has another edition, a random one, after each
 * commit by which an owner has come or is forgotten, and that is asked for after the event has come: where it is the one that this host
 * has read the owners with, in one snapshot, whatever was committed before the event is among them. Where it is another
 * one, the event asks for devices. So no NOTIFY is needed, and a connection that is lost, a PgBouncer or a failover
 * changes nothing.
 */
export interface Owners {
  /** What is known now; undefined where nothing is. */
  known(): KnownOwners | undefined;
  /** Whether that holds still. Reads anew what does not. */
  areCurrent(known: KnownOwners): Promise<boolean>;
}

export interface KnownOwners {
  edition: string;
  owners: ReadonlySet<string>;
}

/** Of no host with more of them: a set of so many takes about 20 MB. */
const MOST_OWNERS = 200_000;

/** More of them are not read as often. */
const MANY_OWNERS = 20_000;

/** While many come, as on the first day, their events ask for devices; meanwhile they are not all read for each. */
const INTERVALS: Intervals = { usualMs: 5000, ofManyMs: 60_000, ofTooManyMs: 3_600_000 };

export interface Intervals {
  usualMs: number;
  ofManyMs: number;
  ofTooManyMs: number;
}

export function createOwners(
  database: Pick<Database, 'ask'>,
  { most = MOST_OWNERS, intervals = INTERVALS } = {},
): Owners {
  let known: KnownOwners | undefined;
  let nextMs = -Infinity; // by a clock that nobody sets
  const readAnew = (): void => {
    const nowMs = performance.now();
    if (nowMs < nextMs) return;
    nextMs = nowMs + intervals.usualMs;
    void readOwners(database, most).then(
      (read) => {
        known = read;
        nextMs = nowMs + intervalAfter(read, intervals);
      },
      () => undefined, // the event that asks tells of trouble
    );
  };
  return {
    known: () => {
      if (known === undefined) readAnew();
      return known;
    },
    areCurrent: async ({ edition }) => {
      const isCurrent = (await editionNow(database)) === edition;
      if (!isCurrent) readAnew();
      return isCurrent;
    },
  };
}

function intervalAfter(read: KnownOwners | undefined, intervals: Intervals): number {
  if (read === undefined) return intervals.ofTooManyMs;
  return read.owners.size > MANY_OWNERS ? intervals.ofManyMs : intervals.usualMs;
}

/** Whether none of them is of an owner who is known. */
export function isForNobody(mailboxes: readonly Mailbox[], { owners }: KnownOwners): boolean {
  return mailboxes.every(({ owner }) => !owners.has(owner));
}

/** Undefined where there are too many, which are not read: they are counted first. */
async function readOwners({ ask }: Pick<Database, 'ask'>, most: number): Promise<KnownOwners | undefined> {
  const counted = await ask((sql) => sql.row<{ count: number }>(COUNT, { most }));
  if (counted === undefined || counted.count > most) return undefined;
  const row = await ask((sql) => sql.row<{ edition: string; owners: string | null }>(OWNERS, { most }));
  const owners = JSON.parse(row?.owners ?? '[]') as string[];
  if (row === undefined || owners.length > most) return undefined;
  return { edition: row.edition, owners: new Set(owners) };
}

const SOME = 'SELECT owner FROM xapplepush.owners LIMIT @most + 1';

const COUNT = `SELECT count(*) AS count FROM (${SOME}) AS page`;

/** Both in one statement, and so of one snapshot; as one text, which takes far less time to read than an array. */
const OWNERS = `SELECT edition::text, (SELECT json_agg(owner)::text FROM (${SOME}) AS page) AS owners
  FROM xapplepush.owners_edition`;

async function editionNow({ ask }: Pick<Database, 'ask'>): Promise<string | undefined> {
  const row = await ask((sql) =>
    sql.row<{ edition: string }>('SELECT edition::text FROM xapplepush.owners_edition'),
  );
  return row?.edition;
}
