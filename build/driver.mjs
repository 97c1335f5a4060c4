// Says what to install where this Node is too old, or has no driver for the database: npm leaves out what it could not
// compile, and says nothing. Run by itself, it ends with 1 then. Takes the folder of the project and the version of
// Node, by default its own.
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** As `engines` in package.json has it: what rolldown, which builds the program, runs with. */
const OLDEST_MINOR = { 20: 19, 22: 12 };
const OLDEST_NODE = Object.entries(OLDEST_MINOR).map((version) => version.join('.'));

/** As src/store/sqlite/driver.ts has it: from this version of Node-API on the driver brings its binary along. */
const NODE_API = 10;
const BINARIES = [
  ...(Number(process.versions.napi) >= NODE_API
    ? [process.platform, 'linuxmusl'].map(
        (system) => `better-sqlite3/prebuilds/${system}-${process.arch}.node`,
      )
    : []),
  'better-sqlite3-node20/build/Release/better_sqlite3.node',
];

/** Where it is in the package for npm, or where npm puts it: below the project, or beside it. */
const PACKAGES = ['dist/drivers', 'node_modules', '..'];

/** What is missing, and what to do; undefined where nothing is. */
export function missingDriver(root, node = process.version) {
  if (isTooOld(node))
    return {
      error: `this is Node ${node}, and ${OLDEST_NODE.join(', ')} or later is needed`,
      hint: 'docs/install.md says where to get one; then here: npm ci && npm run build',
    };
  if (PACKAGES.some((packages) => BINARIES.some((file) => existsSync(join(root, packages, file)))))
    return undefined;
  if (hasOwn(node)) return undefined;
  return {
    error: `there is no database driver for Node ${process.version}: npm found none ready and could not compile it`,
    hint: 'as root: apt-get install -y build-essential python3; then here: npm ci && npm run build',
  };
}

/** Whether that Node has a driver of its own, as src/store/sqlite/node-sqlite.ts has it. */
function hasOwn(node) {
  const [major, minor] = node.slice(1).split('.').map(Number);
  return major >= 24 || (major === 22 && minor >= 16);
}

/** Takes a version as process.version has it. */
function isTooOld(node) {
  const [major, minor] = node.slice(1).split('.').map(Number);
  return major < 20 || minor < (OLDEST_MINOR[major] ?? 0);
}

const OWN = fileURLToPath(import.meta.url);
const [, script, root = fileURLToPath(new URL('..', import.meta.url)), node] = process.argv;
if (script !== undefined && realpathSync(script) === OWN) {
  const missing = missingDriver(root, node);
  if (missing !== undefined) {
    process.stderr.write(`build: error: ${missing.error}\nbuild: hint: ${missing.hint}\n`);
    process.exitCode = 1;
  }
}
