// Runs the program in the folder that the first argument names, and keeps the code of the layers that the second does.
// The flags of V8 are those of bin/xapplepush, none: its code is good for the same flags only.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [node, , out, layers, ...args] = process.argv;
const main = join(out, 'main.cjs');
process.argv = [node, main, ...args];
const { scripts } = createRequire(main)(main);

process.on('exit', () => {
  for (const name of layers.split(','))
    writeFileSync(join(out, `${name}.js.code`), scripts.get(name).createCachedData());
});
