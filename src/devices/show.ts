import { withStore } from '../store/configured.ts';
import { kindOf } from '../targets/kind.ts';
import type { Target } from '../targets/record.ts';
import type { Config } from '../config/config.ts';
import type { Entry, PushEntry } from '../history/entry.ts';
import { type KeptHistory, keptHistory } from '../history/kept.ts';
import { answerOf, forPrograms, pathsOf } from '../history/row.ts';
import { kindOfMailbox } from '../mailboxes/collection.ts';
import { INBOX } from '../mailboxes/mailbox.ts';
import { redactAccountId, redactToken } from '../process/redact.ts';
import { filterOf, noneSelected, type Selection } from './filter.ts';
import { shown } from './description.ts';
import type { Subscription } from '../targets/subscription.ts';
import { safeJson } from '../process/safe-json.ts';
import { IN_FULL, type Layout } from '../terminal/layout.ts';
import { factTable } from '../terminal/table.ts';

interface TargetDetails {
  target: Target;
  subscriptions: Subscription[];
  /** Newest first. */
  pushes: PushEntry[];
}

/** So many of its latest pushes are shown. */
const RECENT_PUSHES = 5;

/** All that is kept about one user's targets. Throws OperatorError (exit 65) where there is none. */
export async function showCommand(
  config: Config,
  selection: Selection,
  json: boolean,
  layout = IN_FULL,
): Promise<string> {
  const found = await withStore(config, async (store) => {
    const targets = await store.listTargets(filterOf(config, selection));
    const pushes = await recentPushes(keptHistory(config, store), config, targets);
    return Promise.all(
      targets.map(async (target) => ({
        ...{ target, pushes: pushes.filter(({ targetId }) => targetId === target.id) },
        subscriptions: await store.subscriptionsOf(target.id),
      })),
    );
  });
  if (found.length === 0) throw noneSelected();
  return json
    ? `${safeJson(found.map(asJson), 2)}\n`
    : found.map((details) => describe(details, layout)).join('\n');
}

/** Newest first. The history is read once for all targets, and no further than there is something to find. */
async function recentPushes(
  kept: KeptHistory,
  { history: { maxEntries } }: Config,
  targets: readonly Target[],
): Promise<PushEntry[]> {
  const left = new Map(targets.map(({ id }) => [id, RECENT_PUSHES]));
  const wanted = (entry: Entry): boolean => {
    const room = entry.kind === 'push' ? (left.get(entry.targetId) ?? 0) : 0;
    if (entry.kind === 'push' && room > 0) left.set(entry.targetId, room - 1);
    return room > 0;
  };
  const limit = RECENT_PUSHES * targets.length;
  const [user, ...others] = new Set(targets.map((target) => target.user));
  const entries = await kept.read({
    ...{ limit, sinceMs: 0, maxEntries, wanted, shelves: ['devices'] },
    user: others.length === 0 ? user : undefined,
  });
  return entries.filter((entry) => entry.kind === 'push').reverse();
}

function asJson({ target, subscriptions, pushes }: TargetDetails): object {
  return {
    ...shown(target),
    mailboxes: subscriptions.map(({ owner, path, name }) => ({ owner, path, name })),
    recentPushes: pushes.map(forPrograms),
  };
}

function describe({ target, subscriptions, pushes }: TargetDetails, { columns, time }: Layout): string {
  const mailboxes = subscriptions.map((each) => mailboxText(each, target));
  const facts = [
    ...factsOf(target),
    ...timesOf(target, time),
    ...listed('mailboxes', mailboxes),
    ...listed(
      'recent pushes',
      pushes.map((push) => pushText(push, time)),
    ),
  ];
  return factTable(facts, columns);
}

/** Of one that it was not told by name, Mail would look into INBOX: so nothing is sent. */
function mailboxText({ owner, path, hash }: Subscription, { user }: Target): string {
  const isTold = hash !== undefined || (owner === user && path === INBOX);
  if (kindOfMailbox({ owner }) !== 'mail') return `${kindOfMailbox({ owner })} with the id ${path}`;
  return `${path} of ${owner || 'nobody'}${isTold ? '' : ': no pushes, since the device heard no names of mailboxes'}`;
}

function pushText(push: PushEntry, time: Layout['time']): string {
  return `${time(push.atMs)}  ${push.event} in ${pathsOf(push.mailboxes)}: ${answerOf(push)}`;
}

function listed(name: string, texts: readonly string[]): [string, string][] {
  return texts.map((text, index) => [index === 0 ? name : '', text]);
}

function factsOf(target: Target): [string, string][] {
  return [
    ['user', target.user],
    ['device token', redactToken(target.deviceToken)],
    kindOf(target) === 'mail'
      ? ['account id', redactAccountId(target.accountId)]
      : [kindOf(target), target.accountId],
    ['topic', target.topic === '' ? 'unknown' : target.topic],
    ['subtopic', target.subtopic],
    ['aps version', String(target.apsVersion)],
    ['source', target.source],
  ];
}

function timesOf(target: Target, time: Layout['time']): [string, string][] {
  return [
    ['registered', time(target.registeredMs)],
    ['renewed', time(target.renewedMs)],
    ['last push', time(target.lastPushMs)],
    ['last success', time(target.lastSuccessMs)],
    ['last error', target.lastError === null ? 'none' : `${target.lastError}, ${time(target.lastErrorMs)}`],
    ['errors in a row', String(target.failures)],
    ['failing since', target.failingSinceMs === null ? '-' : time(target.failingSinceMs)],
    ...(typeof target.expiresMs === 'number'
      ? [['runs out', time(target.expiresMs)] as [string, string]]
      : []),
    ['disabled', target.disabledMs === null ? 'no' : `since ${time(target.disabledMs)}; ${FIX}`],
  ];
}

const FIX = 'it gets no pushes until it registers again: open Mail on the phone, or set its account up anew';
