import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import { withStore } from '../store/configured.ts';
import type { TargetOrder, Target, TargetFilter } from '../targets/record.ts';
import { jsonList } from '../terminal/json-list.ts';
import type { Layout } from '../terminal/layout.ts';
import { growingTable } from '../terminal/table.ts';
import { filterOf } from './filter.ts';
import { countOf } from '../process/text.ts';
import { targetPages } from './pages.ts';
import { HEADINGS, rowOf, shown, type ShownTarget, TROUBLE_HEADINGS, troubleRowOf } from './description.ts';

export interface ListRequest {
  /** The name of a user, or a pattern. */
  user?: string | undefined;
  topic?: string | undefined;
  /** Only those that were not renewed since. */
  renewedBeforeMs?: number | undefined;
  failing: boolean;
  disabled: boolean;
  order: TargetOrder;
  reverse: boolean;
  json: boolean;
  /** At most so many. */
  limit: number;
  /** For a person, who is told the count too. */
  counted: boolean;
  layout: Layout;
}

/** Lists the targets that match, all by default, in pieces that `show` takes as fast as they are read. */
export function listCommand(
  config: Config,
  request: ListRequest,
  show: (pieces: AsyncIterable<string>) => Promise<void>,
): Promise<void> {
  return withStore(config, (store) => show(listing(store, request, listFilter(config, request))));
}

function listFilter(config: Config, request: ListRequest): TargetFilter {
  const { user, topic, renewedBeforeMs, failing, disabled } = request;
  return {
    ...filterOf(config, { users: user }),
    topic,
    renewedBeforeMs,
    failing: failing || undefined,
    disabled: disabled || undefined,
  };
}

async function* listing(store: Store, request: ListRequest, filter: TargetFilter): AsyncGenerator<string> {
  const ids = await store.targetIds(filter, request.order);
  if (request.reverse) ids.reverse();
  const listed = ids.slice(0, request.limit);
  const pages = targetPages(store, listed, filter);
  if (request.json) yield* jsonList(shownPages(pages));
  else if (ids.length === 0) yield 'no devices\n';
  else yield* tableOf(pages, request);
  const more = ids.length - listed.length;
  if (more > 0 && !request.json) yield `and ${more} more: see --limit\n`;
}

async function* shownPages(pages: AsyncIterable<Target[]>): AsyncGenerator<ShownTarget[]> {
  for await (const targets of pages) yield targets.map(shown);
}

async function* tableOf(
  pages: AsyncIterable<Target[]>,
  { failing, disabled, layout, counted }: ListRequest,
): AsyncGenerator<string> {
  const [headings, row] =
    failing || disabled ? ([TROUBLE_HEADINGS, troubleRowOf] as const) : ([HEADINGS, rowOf] as const);
  const rowsOf = growingTable(headings, layout.columns);
  let count = 0;
  for await (const targets of pages) {
    yield rowsOf(targets.map((target) => row(target, layout)));
    count += targets.length;
  }
  if (counted) yield `${countOf(count, 'device')}\n`;
}
