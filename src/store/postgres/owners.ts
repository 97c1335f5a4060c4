import type { Mailbox } from '../../mailboxes/mailbox.ts';
import type { Database } from './database.ts';

/**
 * Whose mailboxes devices ask for, kept in memory: most events are of users without a device, and need no look at theirs.
 *
 * Nobody is left out whatever is not heard of other hosts. The database has another edition, a random one, after each
 * commit by which an owner has come, and that is asked for after the event has come: where it is the one that this host
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

/** While many come, as on the first day, their events ask for devices; meanwhile they are not all read for each. */
const READ_INTERVAL_MS = 5000;

export function createOwners(
  database: Pick<Database, 'ask'>,
  { most = MOST_OWNERS, intervalMs = READ_INTERVAL_MS } = {},
): Owners {
  let known: KnownOwners | undefined;
  let readMs = -Infinity; // by a clock that nobody sets
  const readAnew = (): void => {
    if (performance.now() - readMs < intervalMs) return;
    readMs = performance.now();
    void readOwners(database, most).then(
      (read) => (known = read),
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

/** Whether none of them is of an owner who is known. */
export function isForNobody(mailboxes: readonly Mailbox[], { owners }: KnownOwners): boolean {
  return mailboxes.every(({ owner }) => !owners.has(owner));
}

/** Both in one statement, and so of one snapshot. */
async function readOwners({ ask }: Pick<Database, 'ask'>, most: number): Promise<KnownOwners | undefined> {
  const row = await ask((sql) =>
    sql.row<{ edition: string; owners: string[] }>(
      `SELECT edition::text, ARRAY(SELECT owner FROM xapplepush.owners LIMIT @most + 1) AS owners
       FROM xapplepush.owners_edition`,
      { most },
    ),
  );
  if (row === undefined || row.owners.length > most) return undefined;
  return { edition: row.edition, owners: new Set(row.owners) };
}

async function editionNow({ ask }: Pick<Database, 'ask'>): Promise<string | undefined> {
  const row = await ask((sql) =>
    sql.row<{ edition: string }>('SELECT edition::text FROM xapplepush.owners_edition'),
  );
  return row?.edition;
}
