// The account of a soak: prints it, and gives whether it balances.

/** What `serve` and the disk may take for these few devices, however long it runs. */
const LIMITS = {
  rssMiB: 120, // the goal of docs/speed.md for a million devices
  descriptors: 100,
  storeKiB: 4096,
  walKiB: 20 * 1024, // WAL_LIMIT_BYTES, and what is being written
  historyKiB: 64 * 1024, // history.max_entries of both kinds
  badFiles: 0,
};

/** The log is rotated by others: it may grow by so much in a minute in which everything goes wrong. */
const LOG_KIB_A_MINUTE = 256;

/** How much more memory the last part of the time may take than the first. */
const MEMORY_GROWTH = 1.25;

export async function accountOf({ apple, host, devices, tally, watched, minutes }) {
  const states = devices.map((device) => stateOf(device, apple));
  const count = (state) => states.filter((one) => one === state).length;
  const lost = devices.filter((_, index) => states[index] === 'lost');
  const known = new Set((await host.list('targets', 'list'))?.map(({ user }) => user));
  const unknown = devices.filter((device) => mustBeKnown(device, apple) && !known.has(device.user));
  const twice = devices.reduce((sum, device) => sum + toldTooOften(device, apple), 0);
  const memory = watched.byPart('rssMiB');
  const over = Object.entries(LIMITS).filter(([name, limit]) => watched.peaks[name] > limit);
  const growth = memory.at(-1) / memory[0];
  const logKiB = watched.peaks.logKiB / minutes;
  /** What, how it stands, and whether that is a fault. */
  const lines = [
    ['events in', counted(tally.accepted)],
    ['not accepted', counted(tally.notAccepted)],
    ['troubles', counted(tally.troubles)],
    ['not tried', [...tally.untried].join(', ') || 'nothing'],
    ['pushes, by Apple’s answer', counted(apple.tally)],
    ['devices told after their latest event', count('told')],
    ['gone by Apple’s word after it', count('gone')],
    ['without an event', count('none')],
    ['said to be gone', `${tally.removed} removed, ${tally.kept} kept`, tally.removed === 0],
    ['lost', lost.map(({ user, latest }) => `${user} by ${latest.way}`).join(', ') || 0, lost.length > 0],
    ['registered, and not there', unknown.map(({ user }) => user).join(', ') || 0, unknown.length > 0],
    ['told twice', `${twice}, and under the same apns-id ${apple.again()}`, twice > 0],
    ['apns-ids with two contents', apple.twoContents(), apple.twoContents() > 0],
    ['serve did not do as it should', host.faults.join('; ') || 0, host.faults.length > 0],
    ['refused by handle or xapplepush-spool', host.refusals.join('; ') || 0, host.refusals.length > 0],
    ['files left in the spool', host.waitingFiles(), host.waitingFiles() > 0],
    ['at most', counted(watched.peaks), over.length > 0],
    ['memory over time, MiB', memory.map(Math.round).join(' '), growth > MEMORY_GROWTH],
    ['disk over time, KiB', watched.byPart('diskKiB').map(Math.round).join(' ')],
    ['log, KiB a minute', Math.round(logKiB), logKiB > LOG_KIB_A_MINUTE],
  ];
  for (const [what, value, isFault] of lines)
    process.stdout.write(`${isFault ? 'FAULT  ' : ''}${what}: ${value}\n`);
  return lines.every(([, , isFault]) => !isFault);
}

function stateOf({ token, latest }, { toldMs, goneMs }) {
  if (latest === undefined) return 'none';
  if ((toldMs.get(token) ?? 0) >= latest.beganMs) return 'told';
  return (goneMs.get(token) ?? 0) >= latest.beganMs ? 'gone' : 'lost';
}

/** Of others Apple has said since that they are gone. */
function mustBeKnown({ token, registered, sinceMs }, { goneMs }) {
  return registered && (goneMs.get(token) ?? 0) < sinceMs;
}

/** Each event makes one apns-id at most, and each registration changes what one tells. */
function toldTooOften({ token, tried }, { tellings }) {
  return Math.max(0, (tellings.get(token) ?? 0) - tried);
}

function counted(counts) {
  return Object.entries(counts)
    .map(([name, value]) => `${name} ${Math.round(value)}`)
    .join(', ');
}
