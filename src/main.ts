import { callsHandle } from './cli/handle-arguments.ts';
import { readStandardInput } from './events/read.ts';
import { systemClock } from './process/clock.ts';
import { actAsOwnerOf } from './process/identity.ts';
import { writeStderr } from './process/standard-error.ts';
import { run } from './program.ts';

const { argv, env } = process;
const args = argv.slice(2);
const around = { clock: systemClock, env, input: readStandardInput, tell: writeStderr, actAsOwnerOf };

void run(args, around, async () => (await import('./process/own-streams.ts')).withOwnStreams(around)).then(
  (exitCode) => {
    process.exitCode = exitCode;
    // To go through the event loop once more and to take everything down takes longer, and the mail server waits.
    if (callsHandle(args)) process.exit();
  },
);
