import { COLLECTION_KINDS } from '../mailboxes/collection.ts';
import { VERSION } from '../process/installation.ts';
import { visible } from '../process/text.ts';
import type { SpoolFigures } from './figures.ts';
import type { MetricsState, Watched } from './metrics.ts';
import type { MetricMakers } from './notice-metrics.ts';

export type Gauges = ReturnType<typeof createGauges>;

export function createGauges({ gauge }: Pick<MetricMakers, 'gauge'>) {
  gauge('build_info', 'Always 1; the version is the label.', 'version').set({ version: VERSION }, 1);
  const gauges = {
    readable: gauge('store_readable', 'Whether the database could be asked: 1 or 0.'),
    waiting: gauge('waiting_pushes', 'Pushes that wait for Apple to take them.'),
    oldest: gauge('oldest_waiting_push_seconds', 'Age of the oldest push that waits; 0 where none does.'),
    connections: gauge('apns_connections', 'Open connections to Apple.'),
    targets: gauge('targets', 'Registered devices of Mail, one for each account on them.'),
    collections: gauge('collections', 'Subscriptions to calendars and address books, by kind.', 'kind'),
    success: gauge('last_success_timestamp_seconds', 'When Apple last took a push; 0 where it never did.'),
    certificateEnd: gauge('certificate_expiry_timestamp_seconds', 'When the certificate expires.', 'topic'),
    usable: gauge(
      'credential_usable',
      'Whether pushes can be sent with the credential: 1 or 0.',
      'credential',
    ),
    doorOpen: gauge('door_open', 'Whether the door is open as it is configured: 1 or 0.', 'door'),
    spoolFiles: gauge('spool_files', 'Files of the spool: those that wait, and bad ones set aside.', 'state'),
    spoolOldest: gauge('oldest_spool_file_seconds', 'Age of the oldest file that waits; 0 where none does.'),
  };
  forget(gauges);
  gauges.spoolOldest.remove();
  gauges.readable.remove();
  return gauges;
}

/** Without a value there is no sample: prom-client's own 0 is nothing that anybody has found out. */
function forget({
  waiting,
  oldest,
  connections,
  targets,
  collections,
  success,
  certificateEnd,
  usable,
}: Gauges): void {
  for (const gauge of [waiting, oldest, connections, targets, success]) gauge.remove();
  collections.reset();
  certificateEnd.reset();
  usable.reset();
}

export function show(gauges: Gauges, state: MetricsState | undefined): void {
  forget(gauges); // of a topic that is gone nothing stays
  gauges.readable.set(state === undefined ? 0 : 1);
  if (state === undefined) return;
  gauges.waiting.set(state.waitingRows);
  gauges.oldest.set(state.oldestMs / 1000);
  gauges.connections.set(state.connections);
  gauges.targets.set(state.targets);
  for (const kind of COLLECTION_KINDS) gauges.collections.set({ kind }, state.collections[kind]);
  gauges.success.set((state.lastSuccessMs ?? 0) / 1000);
  for (const { topic, endsMs } of state.certificates)
    gauges.certificateEnd.set({ topic: visible(topic) }, endsMs / 1000);
  for (const { credential, usable } of state.credentials) gauges.usable.set({ credential }, usable ? 1 : 0);
}

export function showDoors({ doorOpen }: Gauges, doors: ReturnType<Watched['doors']>): void {
  doorOpen.reset();
  for (const { door, isOpen } of doors) doorOpen.set({ door }, isOpen ? 1 : 0);
}

export function showSpool({ spoolFiles, spoolOldest }: Gauges, figures: SpoolFigures | undefined): void {
  spoolFiles.reset();
  spoolOldest.remove();
  if (figures === undefined) return;
  spoolFiles.set({ state: 'waiting' }, figures.waiting);
  spoolFiles.set({ state: 'bad' }, figures.bad);
  spoolOldest.set(figures.oldestMs / 1000);
}
