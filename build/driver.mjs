// Ends with what to install where this Node has no driver for the database: npm leaves out what it could not compile,
// and says nothing. Takes the folder of the project, by default this one.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const [, , root = join(import.meta.dirname, '..')] = process.argv;

/** As src/store/driver.ts has it: from this version of Node-API on the driver brings its binary along. */
const NODE_API = 10;
const BINARIES = [
  ...(Number(process.versions.napi) >= NODE_API
    ? [process.platform, 'linuxmusl'].map(
        (system) => `better-sqlite3/prebuilds/${system}-${process.arch}.node`,
      )
    : []),
  'better-sqlite3-node20/build/Release/better_sqlite3.node',
];

if (!BINARIES.some((file) => existsSync(join(root, 'node_modules', file)))) {
  process.stderr.write(
    `build: error: there is no database driver for Node ${process.version}: npm found none ready and could not compile it
build: hint: as root: apt-get install -y build-essential python3; then here: npm ci
`,
  );
  process.exitCode = 1;
}
