import type { Config } from '../config/config.ts';
import { endpointPages } from '../endpoints/pages.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import type { Clock } from '../process/clock.ts';
import { ExitCode } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { countOf, visible } from '../process/text.ts';
import { openConfigured, withStore } from '../store/configured.ts';
import type { Store } from '../store/store.ts';
import { type EndpointLine, endpointLine, readEndpointLine } from './endpoint-line.ts';
import type { Input } from './input.ts';
import { streamOutput } from './output.ts';
import { textLines } from './text-lines.ts';

/** Writes endpoints as JSON lines, addresses complete, the oldest first. */
export async function exportEndpoints(config: Config, stdout: NodeJS.WritableStream): Promise<void> {
  await withStore(config, async (store) => {
    const output = streamOutput(stdout);
    try {
      for await (const page of endpointPages(store, {})) await output.write(page.map(endpointLine).join(''));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error; // else whoever reads has enough
    }
  });
}

export interface EndpointsContext {
  config: Config;
  log: Log;
  clock: Clock;
  out: (text: string) => void;
}

/** A subscription of the most characters, and what is said beside it. */
const MAX_LINE_BYTES = 16 * 1024;

/**
 * Takes endpoints of an export; what is there and was registered later stays. Exit code 65 where some were skipped. Throws
 * StoreError, and OperatorError where the file cannot be read.
 */
export async function importEndpoints(
  { chunks }: Pick<Input, 'chunks'>,
  { config, log, clock, out }: EndpointsContext,
): Promise<ExitCode> {
  const counts = { taken: 0, known: 0, skipped: 0 };
  const store = await openConfigured(config, { create: true, log });
  try {
    for (const line of textLines(chunks, MAX_LINE_BYTES)) {
      if ('text' in line && line.text.trim() === '') continue;
      const read = 'text' in line ? readEndpointLine(line.text) : { problem: line.fault.reason };
      const fate = 'problem' in read ? 'skipped' : await take(store, read, { config, nowMs: clock.nowMs() });
      counts[fate] += 1;
      if ('problem' in read) out(`line ${line.place}: skipped: ${visible(read.problem)}\n`);
    }
  } finally {
    store.close();
  }
  const { taken, known, skipped } = counts;
  out(`${countOf(taken, 'endpoint')} taken, ${known} as new here already or run out, ${skipped} skipped\n`);
  return skipped > 0 ? ExitCode.badInput : ExitCode.ok;
}

async function take(
  store: Store,
  { endpoint: { user: name, ...rest }, renewedMs, isProven }: EndpointLine,
  { config, nowMs }: { config: Config; nowMs: number },
): Promise<'taken' | 'known'> {
  const endpoint = { ...rest, user: comparableUser(name, config.users) };
  const { user, service, fingerprint, expiresMs } = endpoint;
  if (expiresMs !== null && expiresMs <= nowMs) return 'known';
  const [here] = await store.listEndpoints({ user, service, fingerprint }, { afterId: 0, limit: 1 });
  const atMs = Math.min(renewedMs, nowMs); // a clock may have been ahead
  if (here !== undefined && here.renewedMs >= atMs) return 'known';
  const maxPerUser = config.targets.maxPerUser;
  await store.registerEndpoint(endpoint, { nowMs: atMs, maxPerUser, isProven });
  return 'taken';
}
