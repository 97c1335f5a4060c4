import type { Config } from '../config/config.ts';
import { openStore, type Store } from '../db.ts';
import { ExitCode, OperatorError } from '../errors.ts';
import { redactAccountId, redactToken } from '../log.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import { countOf, table, timeText } from '../table.ts';
import { listTargets, removeTargets, subscriptionsOf, type Target, type TargetFilter } from './store.ts';

export interface TargetSelection {
  user?: string | undefined;
  token?: string | undefined;
  accountId?: string | undefined;
}

type Output = (text: string) => void;

/** Lists the targets that are selected, all by default. */
export async function listCommand(
  config: Config,
  selection: TargetSelection,
  json: boolean,
  out: Output,
): Promise<void> {
  const targets = await withStore(config, (store) => listTargets(store, filterOf(config, selection)));
  if (json) out(`${JSON.stringify(targets.map(shown), null, 2)}\n`);
  else if (targets.length === 0) out('no targets\n');
  else out(table(HEADINGS, targets.map(rowOf)));
}

/** Shows the targets of one user with their mailboxes. Throws OperatorError (exit 65) where there is none. */
export async function showCommand(
  config: Config,
  selection: TargetSelection,
  json: boolean,
  out: Output,
): Promise<void> {
  const details = await withStore(config, async (store) => {
    const targets = await listTargets(store, filterOf(config, selection));
    return Promise.all(
      targets.map(async (target) => ({ target, subscriptions: await subscriptionsOf(store, target.id) })),
    );
  });
  if (details.length === 0) throw noneSelected();
  const shownTargets = details.map(({ target, subscriptions }) => ({
    details: shown(target),
    mailboxes: subscriptions.map(({ owner, path, name }) => ({ owner, path, name })),
  }));
  if (json)
    out(
      `${JSON.stringify(
        shownTargets.map(({ details, mailboxes }) => ({ ...details, mailboxes })),
        null,
        2,
      )}\n`,
    );
  else out(shownTargets.map(describe).join('\n'));
}

/** Removes the targets that are selected; several only with `all`. Throws OperatorError (exit 65, 64). */
export async function removeCommand(
  config: Config,
  selection: TargetSelection,
  { all, dryRun }: { all: boolean; dryRun: boolean },
  out: Output,
): Promise<void> {
  const filter = filterOf(config, selection);
  await withStore(config, async (store) => {
    const targets = await listTargets(store, filter);
    if (targets.length === 0) throw noneSelected();
    if (!dryRun && targets.length > 1 && !all) throw severalSelected(targets.length);
    if (!dryRun) await removeTargets(store, filter);
    out(`${dryRun ? 'would remove' : 'removed'} ${countOf(targets.length, 'target')}\n`);
    out(table(HEADINGS, targets.map(rowOf)));
  });
}

/** Removes the targets that have not been renewed since that time. */
export async function pruneCommand(
  config: Config,
  { renewedBeforeMs, dryRun, json }: { renewedBeforeMs: number; dryRun: boolean; json: boolean },
  out: Output,
): Promise<void> {
  const targets = await withStore(config, async (store) => {
    const old = await listTargets(store, { renewedBeforeMs });
    if (!dryRun) await removeTargets(store, { renewedBeforeMs });
    return old;
  });
  if (json) out(`${JSON.stringify({ dryRun, removed: targets.map(shown) }, null, 2)}\n`);
  else {
    out(
      `${dryRun ? 'would remove' : 'removed'} ${countOf(targets.length, 'target')} not renewed since ${timeText(renewedBeforeMs)}\n`,
    );
    if (targets.length > 0) out(table(HEADINGS, targets.map(rowOf)));
  }
}

/** Commands never make a database: they may run as a user whose files the mail server cannot use. */
async function withStore<T>(config: Config, body: (store: Store) => Promise<T>): Promise<T> {
  const store = openStore(config.store, { create: false });
  try {
    return await body(store);
  } finally {
    store.close();
  }
}

function filterOf(config: Config, { user, token, accountId }: TargetSelection): TargetFilter {
  return {
    user: user === undefined ? undefined : comparableUser(user, config.users),
    tokenPrefix: token,
    accountId,
  };
}

const HEADINGS = [
  'USER',
  'DEVICE TOKEN',
  'ACCOUNT ID',
  'REGISTERED',
  'RENEWED',
  'LAST SUCCESS',
  'LAST ERROR',
];

function rowOf(target: Target): string[] {
  return [
    target.user,
    redactToken(target.deviceToken),
    redactAccountId(target.accountId),
    timeText(target.registeredMs),
    timeText(target.renewedMs),
    timeText(target.lastSuccessMs),
    target.failures > 0 ? `${target.lastError ?? ''} (${target.failures} in a row)` : '',
  ];
}

/** A target for `--json`: ids redacted, times in ISO 8601. */
function shown(target: Target): Details {
  const time = (ms: number | null): string | null => (ms === null ? null : timeText(ms));
  return {
    user: target.user,
    deviceToken: redactToken(target.deviceToken),
    accountId: redactAccountId(target.accountId),
    subtopic: target.subtopic,
    apsVersion: target.apsVersion,
    topic: target.topic,
    source: target.source,
    registered: time(target.registeredMs),
    renewed: time(target.renewedMs),
    lastPush: time(target.lastPushMs),
    lastSuccess: time(target.lastSuccessMs),
    lastError: target.lastError,
    lastErrorAt: time(target.lastErrorMs),
    failures: target.failures,
  };
}

type Details = Record<string, string | number | null>;

function describe({
  details,
  mailboxes,
}: {
  details: Details;
  mailboxes: { owner: string; path: string }[];
}): string {
  const width = Math.max(...Object.keys(details).map((key) => key.length));
  const lines = Object.entries(details).map(([key, value]) => `${key.padEnd(width)}  ${value ?? '-'}\n`);
  const folders = mailboxes.map(
    ({ owner, path }) => `${'mailbox'.padEnd(width)}  ${path} of ${owner || 'nobody'}\n`,
  );
  return [...lines, ...folders].join('');
}

function noneSelected(): OperatorError {
  return new OperatorError('no target matches', {
    exitCode: ExitCode.badInput,
    hint: 'see what is there: xapplepush targets list',
  });
}

function severalSelected(count: number): OperatorError {
  return new OperatorError(`${count} targets match, expected one`, {
    exitCode: ExitCode.usage,
    hint: 'add --all to remove them all, --token or --account-id to choose, or --dry-run to see them',
  });
}
