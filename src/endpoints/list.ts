import type { Config } from '../config/config.ts';
import { countOf } from '../process/text.ts';
import type { Endpoint } from '../services/endpoint.ts';
import { withStore } from '../store/configured.ts';
import type { Store } from '../store/store.ts';
import { jsonList } from '../terminal/json-list.ts';
import type { Layout } from '../terminal/layout.ts';
import { growingTable } from '../terminal/table.ts';
import { HEADINGS, rowOf, shown, type ShownEndpoint } from './description.ts';
import { filterOf, type Selection } from './filter.ts';
import { endpointPages } from './pages.ts';

export interface ListRequest {
  selection: Selection;
  json: boolean;
  /** At most so many. */
  limit: number;
  /** For a person, who is told the count too. */
  counted: boolean;
  layout: Layout;
}

/** Lists the endpoints that match, all by default, in pieces that `show` takes as fast as they are read. */
export function listCommand(
  config: Config,
  request: ListRequest,
  show: (pieces: AsyncIterable<string>) => Promise<void>,
): Promise<void> {
  return withStore(config, (store) => show(listing(config, store, request)));
}

async function* listing(config: Config, store: Store, request: ListRequest): AsyncGenerator<string> {
  const counts = { listed: 0, more: 0 };
  const all = endpointPages(store, filterOf(config, request.selection));
  const pages = upTo(request.limit, all, counts);
  if (request.json) {
    yield* jsonList(shownPages(pages));
    return;
  }
  const rowsOf = growingTable(HEADINGS, request.layout.columns);
  for await (const endpoints of pages)
    yield rowsOf(endpoints.map((endpoint) => rowOf(endpoint, request.layout)));
  if (counts.listed === 0) yield 'no endpoints\n';
  else if (request.counted) yield `${countOf(counts.listed, 'endpoint')}\n`;
  if (counts.more > 0) yield `and ${counts.more} more: see --limit\n`;
}

/** The first so many; counts them, and those after them. */
async function* upTo(
  limit: number,
  pages: AsyncIterable<Endpoint[]>,
  counts: { listed: number; more: number },
): AsyncGenerator<Endpoint[]> {
  for await (const page of pages) {
    const listed = page.slice(0, limit - counts.listed);
    counts.listed += listed.length;
    counts.more += page.length - listed.length;
    if (listed.length > 0) yield listed;
  }
}

async function* shownPages(pages: AsyncIterable<Endpoint[]>): AsyncGenerator<ShownEndpoint[]> {
  for await (const endpoints of pages) yield endpoints.map(shown);
}
