import { ANNOUNCED_FOR_MS } from '../store/presence.ts';
import type { Host } from '../store/shared.ts';
import { spanText, timeAndAge } from '../process/text.ts';
import { attention, type Rule } from './finding.ts';
import type { Row } from './screen.ts';
import type { Status } from './status.ts';

/** What is known of a host's `serve`. */
type HostState = 'running' | 'ended' | 'silent';

/** One of the hosts for programs; times are ISO 8601. */
export interface HostJson {
  host: string;
  serve: HostState;
  version: string;
  since: string;
  lastSeen: string;
  /** How far the clock of the database server is ahead of the host's; below 0 where it is behind. */
  clockAheadMs: number;
}

/** Who shares the store: a line for each host. */
export function hostRows({ hosts = [], nowMs }: Status): Row[] {
  return hosts.map((host) => ({
    name: 'host',
    text: `${host.name}: ${stateText(host, nowMs)}, version ${host.program}${clockText(host)}`,
    tone: stateOf(host) === 'silent' || host.clockAheadMs !== 0 ? 'attention' : 'plain',
  }));
}

export function hostJson(host: Host, time: (ms: number) => string): HostJson {
  return {
    ...{ host: host.name, serve: stateOf(host), version: host.program },
    ...{ since: time(host.sinceMs), lastSeen: time(host.seenMs), clockAheadMs: host.clockAheadMs },
  };
}

/** A host whose `serve` has died, or which cannot reach the database: attention. */
export const silentHosts: Rule = ({ hosts = [] }) => {
  const silent = hosts.filter((host) => stateOf(host) === 'silent');
  if (silent.length === 0) return undefined;
  const texts = silent.map(
    ({ name, silentMs }) => `serve of ${name} has not been seen for ${spanText(silentMs)}`,
  );
  return attention(
    texts.join('; '),
    'start xapplepush serve there; a host that stays away is forgotten after a week',
  );
};

function stateOf({ endedMs, silentMs }: Host): HostState {
  if (endedMs !== null) return 'ended';
  return silentMs > ANNOUNCED_FOR_MS ? 'silent' : 'running';
}

function stateText(host: Host, nowMs: number): string {
  switch (stateOf(host)) {
    case 'running':
      return `running since ${timeAndAge(host.sinceMs, nowMs)}, seen ${spanText(host.silentMs)} ago`;
    case 'ended':
      return `ended at ${timeAndAge(host.endedMs ?? host.seenMs, nowMs)}`;
    case 'silent':
      return `not seen since ${timeAndAge(host.seenMs, nowMs)}`;
  }
}

function clockText({ clockAheadMs }: Host): string {
  if (clockAheadMs === 0) return '';
  const place = clockAheadMs > 0 ? 'behind' : 'ahead of';
  return `; its clock is ${spanText(Math.abs(clockAheadMs))} ${place} that of the database server`;
}
