import type { Config } from '../config/config.ts';
import { endpointEntry } from '../history/entries.ts';
import type { EndpointEntry } from '../history/entry.ts';
import type { History } from '../history/history.ts';
import type { Clock } from '../process/clock.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { safeJson } from '../process/safe-json.ts';
import { countOf } from '../process/text.ts';
import { withStore } from '../store/configured.ts';
import type { EndpointFilter } from '../store/endpoints.ts';
import type { Store } from '../store/store.ts';
import type { Layout } from '../terminal/layout.ts';
import { table } from '../terminal/table.ts';
import { HEADINGS, rowOf, shown } from './description.ts';
import { filterOf, noneSelected, type Selection } from './filter.ts';
import { type EndpointRemoval, findEndpoints, removeEndpointsInTurns } from './pages.ts';

export interface RemoveRequest {
  selection: Selection;
  /** More than one without being asked. */
  all: boolean;
  dryRun: boolean;
  json: boolean;
  clock: Clock;
  /** Why an app stays silent from now on is asked there. */
  history: History;
  /** Asks the person at the terminal; absent where there is none. */
  confirm?: ((question: string) => Promise<boolean>) | undefined;
  layout: Layout;
  out: (text: string) => void;
}

/** So many of those that are removed are listed for a person, and for a program; of all of them there is the count. */
const LISTED_ROWS = 50;
export const LISTED_OBJECTS = 1000;

/**
 * Removes the endpoints that are selected. Before it removes several it shows them and asks; where it cannot ask, it
 * removes them only with `all`. Throws OperatorError: 65 where there is none, 64 where it may not.
 */
export async function removeCommand(config: Config, request: RemoveRequest): Promise<void> {
  const { selection, dryRun, all, confirm } = request;
  const filter = filterOf(config, selection);
  await withStore(config, async (store) => {
    const { ids, listed } = await findEndpoints(store, filter, LISTED_OBJECTS);
    const found = { count: ids.length, listed };
    if (ids.length === 0) throw noneSelected();
    if (dryRun) tell(request, found);
    else if (ids.length === 1 || all) tell(request, await removeNow(store, ids, filter, request));
    else if (confirm === undefined) throw severalSelected(ids.length);
    else if (await isWanted(found, confirm, request)) {
      const { count } = await removeNow(store, ids, filter, request);
      request.out(`removed ${countOf(count, 'endpoint')}\n`);
    }
  });
}

async function isWanted(
  found: EndpointRemoval,
  confirm: (question: string) => Promise<boolean>,
  { layout, out }: RemoveRequest,
): Promise<boolean> {
  out(listOf(found, layout));
  if (await confirm(`Remove these ${countOf(found.count, 'endpoint')}?`)) return true;
  out('nothing was removed\n');
  return false;
}

async function removeNow(
  store: Store,
  ids: readonly number[],
  filter: EndpointFilter,
  { clock, history }: RemoveRequest,
): Promise<EndpointRemoval> {
  const removal = await removeEndpointsInTurns(store, ids, { filter, listedMax: LISTED_OBJECTS, clock });
  recordRemoval(history, removal, 'removed', clock.nowMs());
  return removal;
}

/** Records the listed endpoints alone, so that a removal of very many does not displace the rest of the history. */
export function recordRemoval(
  history: History,
  { listed }: EndpointRemoval,
  change: EndpointEntry['change'],
  nowMs: number,
): void {
  for (const endpoint of listed) history.record(endpointEntry(endpoint, change, nowMs));
}

function tell({ dryRun, json, layout, out }: RemoveRequest, removal: EndpointRemoval): void {
  const { count, listed } = removal;
  if (json) out(`${safeJson({ dryRun, count, removed: listed.map(shown) }, 2)}\n`);
  else
    out(`${dryRun ? 'would remove' : 'removed'} ${countOf(count, 'endpoint')}\n${listOf(removal, layout)}`);
}

/** A table of the first of them, and how many more there are. */
function listOf({ count, listed }: EndpointRemoval, layout: Layout): string {
  const rows = listed.slice(0, LISTED_ROWS).map((endpoint) => rowOf(endpoint, layout));
  if (rows.length === 0) return '';
  const more = count - rows.length;
  return `${table(HEADINGS, rows, layout.columns)}${more > 0 ? `and ${more} more\n` : ''}`;
}

function severalSelected(count: number): OperatorError {
  return new OperatorError(`${count} endpoints match, expected one`, {
    exitCode: ExitCode.usage,
    hint: 'add --all to remove them all, name one by its id, or --dry-run to see them',
  });
}
