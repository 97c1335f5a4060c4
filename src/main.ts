import { fstatSync } from 'node:fs';
import { callsHandle } from './cli/handle-arguments.ts';
import { readStandardInput } from './events/read.ts';
import { systemClock } from './process/clock.ts';
import { actAsOwnerOf } from './process/identity.ts';
import { writeStderr } from './process/standard-error.ts';
import { run } from './cli/program.ts';

const { argv, env } = process;
const given = argv.slice(2);
/** A person who types the bare name brings no event. Only a character device can be a terminal: few look further. */
const isBare = given.length === 0 && fstatSync(0).isCharacterDevice() && process.stdin.isTTY;
const args = isBare ? ['--help'] : given;
/** A mail server has no terminal and says none; to look for one takes a millisecond where that is /dev/null. */
const hasTerminal = env['TERM'] !== undefined && fstatSync(2).isCharacterDevice() && process.stderr.isTTY;

void start().then((exitCode) => {
  process.exitCode = exitCode;
  // To go through the event loop once more and to take everything down takes longer, and the mail server waits.
  if (callsHandle(args)) process.exit();
});

async function start(): ReturnType<typeof run> {
  const tell = hasTerminal
    ? (await import('./terminal/told.ts')).tellOn(process.stderr, writeStderr)
    : writeStderr;
  const around = { clock: systemClock, env, input: readStandardInput, tell, actAsOwnerOf };
  return run(args, around, async () => (await import('./process/own-streams.ts')).withOwnStreams(around));
}
