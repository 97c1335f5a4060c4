import type { Duty } from '../shared.ts';
import { type Database, MAY_BE_LOST } from './database.ts';
import { SERVER_MS } from './server-clock.ts';

/**
 * A row and no advisory lock, which a pooler between transactions would give to others. One that lasts longer than
 * anybody asks for was written while the server's clock was ahead.
 */
export async function takeDuty(
  database: Database,
  name: Duty,
  owner: string,
  forMs: number,
): Promise<boolean> {
  const taken = await database.transact(
    (sql) =>
      sql.change(
        `INSERT INTO xapplepush.duties AS d (name, owner, until_ms) VALUES (@name, @owner, ${SERVER_MS} + @forMs)
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms
         WHERE d.owner = excluded.owner OR d.until_ms <= ${SERVER_MS} OR d.until_ms > ${SERVER_MS} + ${LONGEST_MS}`,
        { name, owner, forMs },
      ),
    MAY_BE_LOST,
  );
  return taken === 1;
}

const LONGEST_MS = 24 * 60 * 60_000;

export async function leaveDuties(database: Database, owner: string): Promise<void> {
  await database.ask((sql) => sql.change('DELETE FROM xapplepush.duties WHERE owner = @owner', { owner }));
}
