// Runs the program in the folder that the first argument names, and keeps the code of the chunks that the second names,
// where it reaches them.
// V8's code is good for the same flags of V8 only. bin/xapplepush gives none to whoever is started for an event: the
// flags of all are Node's own. `serve` has two, and compiles what it needs.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { scripts } from './watch-scripts.cjs';

const [node, , out, chunks, ...args] = process.argv;
const main = join(out, 'main.cjs');
process.argv = [node, main, ...args];
process.execPath = '/bin/true'; // whatever the program starts is over at once
createRequire(main)(main);

process.on('exit', () => {
  for (const name of chunks.split(',').map((chunk) => `${chunk}.cjs`)) {
    const code = scripts.get(join('dist', name))?.createCachedData();
    if (code !== undefined) writeFileSync(join(out, `${name}.code`), Buffer.concat([code, code])); // for launch.ts
  }
});
