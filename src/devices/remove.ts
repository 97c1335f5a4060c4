import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import { withStore } from '../store/configured.ts';
import type { Target, TargetFilter } from '../targets/record.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { targetEntry } from '../history/entries.ts';
import type { History } from '../history/history.ts';
import { filterOf, noneSelected, type Selection } from './filter.ts';
import { countOf } from '../process/text.ts';
import type { Layout } from '../terminal/layout.ts';
import { table } from '../terminal/table.ts';
import { removeInTurns, type Removal } from './pages.ts';
import { HEADINGS, rowOf, shown } from './description.ts';
import { safeJson } from '../process/safe-json.ts';

export interface RemoveRequest {
  selection: Selection;
  /** More than one without being asked. */
  all: boolean;
  dryRun: boolean;
  json: boolean;
  clock: Clock;
  /** Why a phone stays silent from now on is asked there. */
  history: History;
  /** Asks the person at the terminal; absent where there is none. */
  confirm?: ((question: string) => Promise<boolean>) | undefined;
  layout: Layout;
  out: (text: string) => void;
}

/** So many of those that are removed are listed for a person, and for a program; of all of them there is the count. */
export const LISTED_ROWS = 50;
export const LISTED_OBJECTS = 1000;

/**
 * Removes the targets that are selected. Before it removes several it shows them and asks; where it cannot ask, it
 * removes them only with `all`. Throws OperatorError: 65 where there is none, 64 where it may not.
 */
export async function removeCommand(config: Config, request: RemoveRequest): Promise<void> {
  const filter = filterOf(config, request.selection);
  await withStore(config, async (store) => {
    const ids = await store.targetIds(filter);
    if (ids.length === 0) throw noneSelected();
    const listedMax = request.json ? LISTED_OBJECTS : LISTED_ROWS;
    const listed = await store.targetsById(ids.slice(0, listedMax));
    if (request.dryRun) tell(request, { count: ids.length, listed });
    else if (ids.length === 1 || request.all) await remove(store, ids, filter, request);
    else await removeWhenAsked(store, ids, { filter, listed, request });
  });
}

async function removeWhenAsked(
  store: Store,
  ids: readonly number[],
  { filter, listed, request }: { filter: TargetFilter; listed: Target[]; request: RemoveRequest },
): Promise<void> {
  const { confirm, layout, out } = request;
  if (confirm === undefined) throw severalSelected(ids.length);
  out(listOf({ count: ids.length, listed }, layout));
  if (!(await confirm(`Remove these ${countOf(ids.length, 'device')}?`))) {
    out('nothing was removed\n');
    return;
  }
  const { count } = await removeNow(store, ids, filter, request);
  out(`removed ${countOf(count, 'device')}\n`);
}

async function remove(
  store: Store,
  ids: readonly number[],
  filter: TargetFilter,
  request: RemoveRequest,
): Promise<void> {
  const { count, listed } = await removeNow(store, ids, filter, request);
  tell(request, { count, listed: request.json ? listed : listed.slice(0, LISTED_ROWS) });
}

async function removeNow(
  store: Store,
  ids: readonly number[],
  filter: TargetFilter,
  { clock, history }: RemoveRequest,
): Promise<Removal> {
  const removal = await removeInTurns(store, ids, { filter, listedMax: LISTED_OBJECTS, clock });
  recordRemoval(history, removal, 'removed', clock.nowMs());
  return removal;
}

/** Records the listed devices alone, so that a removal of very many does not displace the rest of the history. */
export function recordRemoval(
  history: History,
  { listed }: Removal,
  change: 'removed' | 'pruned',
  nowMs: number,
): void {
  for (const target of listed) history.record(targetEntry(target, change, nowMs));
}

function tell({ dryRun, json, layout, out }: RemoveRequest, removal: Removal): void {
  const { count, listed } = removal;
  if (json) out(`${safeJson({ dryRun, count, removed: listed.map(shown) }, 2)}\n`);
  else out(`${dryRun ? 'would remove' : 'removed'} ${countOf(count, 'device')}\n${listOf(removal, layout)}`);
}

/** A table of those that are listed, and how many more there are. */
export function listOf({ count, listed }: Removal, layout: Layout): string {
  if (listed.length === 0) return '';
  const more = count - listed.length;
  const rows = listed.map((target) => rowOf(target, layout));
  return `${table(HEADINGS, rows, layout.columns)}${more > 0 ? `and ${more} more\n` : ''}`;
}

function severalSelected(count: number): OperatorError {
  return new OperatorError(`${count} devices match, expected one`, {
    exitCode: ExitCode.usage,
    hint: 'add --all to remove them all, --token or --account-id to choose, or --dry-run to see them',
  });
}
