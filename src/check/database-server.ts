import { spanText } from '../process/text.ts';
import type { Survey } from '../store/survey.ts';
import { ok, type Point, warning } from './point.ts';

/** PostgreSQL 15 is that of Debian 12; what is older is not tried. */
const OLDEST_VERSION = 15;

/** What so old a transaction has seen cannot be tidied up: each lease and each push leaves a row behind. */
const OLD_TRANSACTION_MS = 5 * 60_000;

/** More are left where nobody tidies up, or an old transaction keeps somebody from it. */
const MANY_DEAD_ROWS = 200_000;

/** What the server that hosts share is like; `what` names it. Pure. */
export function judgeServer(point: string, what: string, survey: Survey): Point {
  const { version, encoding, clockAheadMs, oldestTransactionMs, deadRows, isDurable } = survey;
  const text = `${what}, PostgreSQL ${version}`;
  if (Number.parseInt(version, 10) < OLDEST_VERSION)
    return warning(point, `${text}: older than ${OLDEST_VERSION}`, 'bring the server up to date');
  if (encoding !== 'UTF8')
    return warning(point, `${text}: its encoding is ${encoding}`, 'make the database anew: createdb -E UTF8');
  if (!isDurable)
    return warning(
      point,
      `${text}: what it has taken may be lost in a power cut`,
      'on the server set fsync = on, full_page_writes = on and synchronous_commit = on',
    );
  if (clockAheadMs !== 0)
    return warning(
      point,
      `${text}: its clock is ${spanText(Math.abs(clockAheadMs))} ${clockAheadMs > 0 ? 'ahead of' : 'behind'} this one`,
      'see timedatectl on both; all hosts go by the clock of the server',
    );
  if (oldestTransactionMs >= OLD_TRANSACTION_MS)
    return warning(
      point,
      `${text}: a transaction has been open for ${spanText(oldestTransactionMs)}, which slows deliveries down`,
      'pg_stat_activity says whose it is, by its xact_start',
    );
  if (deadRows >= MANY_DEAD_ROWS)
    return warning(
      point,
      `${text}: ${deadRows} rows wait to be tidied up, which slows deliveries down`,
      'see that autovacuum is on; at once: VACUUM xapplepush.outbox, xapplepush.outbox_mailboxes',
    );
  return ok(point, text);
}
