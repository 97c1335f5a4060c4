import { countOf, sizeText, spanText } from '../process/text.ts';
import type { Survey } from '../store/survey.ts';
import { ok, type Point, problem, warning } from './point.ts';

/** PostgreSQL 15 is that of Debian 12; what is older is not tried. */
const OLDEST_VERSION = 15;

/** What so old a transaction has seen cannot be tidied up: each lease and each push leaves a row behind. */
const OLD_TRANSACTION_MS = 5 * 60_000;

/** More are left where nobody tidies up, or an old transaction keeps somebody from it. */
const MANY_DEAD_ROWS = 200_000;

/** A `serve` has up to so many connections. */
const CONNECTIONS_OF_SERVE = 9;

/** What is amiss, and the fix; undefined where nothing is. */
type Judgement = (survey: Survey) => readonly [text: string, fix: string] | undefined;

/** What the server that hosts share is like, by what weighs most; `what` names it. Pure. */
export function judgeServer(point: string, what: string, survey: Survey): Point {
  const text = `${what}, PostgreSQL ${survey.version}`;
  const wrong = closed(survey);
  if (wrong !== undefined) return problem(point, `${text}: ${wrong[0]}`, wrong[1]);
  for (const judgement of JUDGEMENTS) {
    const found = judgement(survey);
    if (found !== undefined) return warning(point, `${text}: ${found[0]}`, found[1]);
  }
  const unseen = survey.seesOthers ? '' : '; of the transactions of others nothing is seen';
  return ok(point, `${text}, ${sizeText(survey.bytes)}${unseen}`);
}

const closed: Judgement = ({ closed: tables }) =>
  tables.length === 0
    ? undefined
    : [
        `this user may not read and write ${tables.join(', ')}`,
        'as its owner: GRANT ALL ON ALL TABLES IN SCHEMA xapplepush TO USER; or let that user own them',
      ];

const outOfDate: Judgement = ({ version }) =>
  Number.parseInt(version, 10) < OLDEST_VERSION
    ? [`older than ${OLDEST_VERSION}`, 'bring the server up to date']
    : undefined;

const otherEncoding: Judgement = ({ encoding }) =>
  encoding === 'UTF8'
    ? undefined
    : [`its encoding is ${encoding}`, 'make the database anew: createdb -E UTF8'];

const forgetful: Judgement = ({ isDurable }) =>
  isDurable
    ? undefined
    : [
        'what it has taken may be lost in a power cut',
        'on the server set fsync = on, full_page_writes = on and synchronous_commit = on',
      ];

const otherClock: Judgement = ({ clockAheadMs }) =>
  clockAheadMs === 0
    ? undefined
    : [
        `its clock is ${spanText(Math.abs(clockAheadMs))} ${clockAheadMs > 0 ? 'ahead of' : 'behind'} this one`,
        'see timedatectl on both; all hosts go by the clock of the server',
      ];

const oldTransaction: Judgement = ({ oldestTransactionMs }) =>
  oldestTransactionMs < OLD_TRANSACTION_MS
    ? undefined
    : [
        `a transaction has been open for ${spanText(oldestTransactionMs)}, which slows deliveries down`,
        'pg_stat_activity says whose it is, by its xact_start',
      ];

const untidy: Judgement = ({ deadRows }) =>
  deadRows < MANY_DEAD_ROWS
    ? undefined
    : [
        `${deadRows} rows wait to be tidied up, which slows deliveries down`,
        'see that autovacuum is on; at once: VACUUM xapplepush.outbox, xapplepush.outbox_mailboxes',
      ];

const crowded: Judgement = ({ connectionsLeft }) =>
  connectionsLeft >= CONNECTIONS_OF_SERVE
    ? undefined
    : [
        `it has room for ${countOf(Math.max(0, connectionsLeft), 'more connection')}, and a serve has up to ${CONNECTIONS_OF_SERVE}`,
        'raise max_connections there, or look in pg_stat_activity who has them',
      ];

const fixed: Judgement = ({ mayChange }) =>
  mayChange
    ? undefined
    : [
        'this user may not change the schema, which a newer program has to',
        'ALTER SCHEMA xapplepush OWNER TO USER; and of its tables',
      ];

const JUDGEMENTS: readonly Judgement[] = [
  ...[outOfDate, otherEncoding, forgetful, otherClock, oldTransaction, untidy, crowded, fixed],
];
