import type { Config } from '../config/config.ts';
import type { Entry, NoticeEntry } from '../history/entry.ts';
import { type KeptHistory, keptHistory } from '../history/kept.ts';
import { noticeText } from '../history/notice-row.ts';
import { forPrograms } from '../history/row.ts';
import { safeJson } from '../process/safe-json.ts';
import type { Endpoint } from '../services/endpoint.ts';
import { endpointName } from '../services/endpoint-name.ts';
import { withStore } from '../store/configured.ts';
import { IN_FULL, type Layout } from '../terminal/layout.ts';
import { factTable } from '../terminal/table.ts';
import { shown } from './description.ts';
import { noneSelected } from './filter.ts';

/** So many of its latest notices are shown. */
const RECENT_NOTICES = 5;

/** All that is kept about one endpoint but its address. Throws OperatorError (exit 65) where there is none. */
export async function showCommand(
  config: Config,
  id: number,
  json: boolean,
  layout = IN_FULL,
): Promise<string> {
  const { endpoint, notices } = await withStore(config, async (store) => {
    const [found] = await store.listEndpoints({ id }, { afterId: 0, limit: 1 });
    if (found === undefined) throw noneSelected();
    return { endpoint: found, notices: await recentNotices(keptHistory(config, store), config, found) };
  });
  return json
    ? `${safeJson({ ...shown(endpoint), recentNotices: notices.map(forPrograms) }, 2)}\n`
    : factTable([...factsOf(endpoint, layout), ...noticesOf(notices, layout)], layout.columns);
}

/** Newest first. By its name, which it keeps when it moves to another store. */
async function recentNotices(
  kept: KeptHistory,
  { history: { maxEntries } }: Config,
  endpoint: Endpoint,
): Promise<NoticeEntry[]> {
  const { user, service } = endpoint;
  const name = endpointName(endpoint);
  const wanted = (entry: Entry): boolean =>
    entry.kind === 'notice' && entry.user === user && entry.service === service && entry.endpoint === name;
  const entries = await kept.read({
    ...{ limit: RECENT_NOTICES, sinceMs: 0, maxEntries, wanted, user, shelves: ['devices'] },
  });
  return entries.filter((entry) => entry.kind === 'notice').reverse();
}

function factsOf(endpoint: Endpoint, { time }: Layout): [string, string][] {
  const { lastError, lastErrorMs, failures, expiresMs, provenMs } = endpoint;
  return [
    ['id', String(endpoint.id)],
    ['user', endpoint.user],
    ['service', endpoint.service],
    ['endpoint', endpointName(endpoint)],
    ['registered', time(endpoint.registeredMs)],
    ['renewed', time(endpoint.renewedMs)],
    ['runs out', time(expiresMs)],
    ['proven', provenMs === null ? UNPROVEN : time(provenMs)],
    ['last success', time(endpoint.lastSuccessMs)],
    ['last error', lastError === null ? 'none' : `${lastError}, ${time(lastErrorMs)}`],
    ['errors in a row', String(failures)],
  ];
}

const UNPROVEN = 'no: it is told of no mail until its service has taken a first notice';

function noticesOf(notices: readonly NoticeEntry[], { time }: Layout): [string, string][] {
  return notices.map((notice, index) => [
    index === 0 ? 'recent notices' : '',
    `${time(notice.atMs)}  ${notice.event} in ${notice.mailbox}: ${noticeText(notice)}`,
  ]);
}
