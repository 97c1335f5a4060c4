// The account of a soak: prints it, and gives whether it balances.

export async function accountOf({ apple, host, devices, tally, peaks }) {
  const waiting = JSON.parse((await host.run(['outbox', 'list', '--json'])).out);
  const states = devices.map((device) => stateOf(device, apple, waiting));
  const count = (state) => states.filter((one) => one === state).length;
  const missing = devices.filter((_, index) => states[index] === 'missing');
  const lines = [
    ['events accepted', counted(tally.accepted)],
    ['not accepted', counted(tally.notAccepted)],
    ['troubles', counted(tally.troubles)],
    ['pushes, by Apple’s answer', counted(apple.tally)],
    ['devices told after their latest event', count('told')],
    ['devices that Apple called gone after it', count('gone')],
    ['devices without an event', count('none')],
    ['devices whose push waits, with a reason', count('waits')],
    ['devices not told', missing.map(({ user, latest }) => `${user} by ${latest.way}`).join(', ') || 0],
    ['apns-ids with two contents', apple.twoContents()],
    ['serve ended by itself', `${host.endedByItself}${host.endedByItself > 0 ? `: ${host.said}` : ''}`],
    ['refused by handle or xapplepush-spool', host.refusals.slice(0, 3).join('; ') || 0],
    ['files left in the spool', host.waitingFiles()],
    ['at most', counted(peaks)],
    ['at the end', counted(host.usage())],
  ];
  for (const [what, value] of lines) process.stdout.write(`${what}: ${value}\n`);
  const faults = [
    missing.length,
    apple.twoContents(),
    host.endedByItself,
    host.refusals.length,
    host.waitingFiles(),
  ];
  return faults.every((one) => one === 0);
}

function stateOf({ user, token, latest }, { toldMs, goneMs }, waiting) {
  if (latest === undefined) return 'none';
  if ((toldMs.get(token) ?? 0) >= latest.beganMs) return 'told';
  if ((goneMs.get(token) ?? 0) >= latest.beganMs) return 'gone';
  return waiting.some((row) => row.user === user && row.heldBy) ? 'waits' : 'missing';
}

function counted(counts) {
  return Object.entries(counts)
    .map(([name, value]) => `${name} ${Math.round(value)}`)
    .join(', ');
}
