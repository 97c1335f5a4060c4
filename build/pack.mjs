// build/pack.mjs [--driver-of-node-20 FILE] [OPTION OF npm pack...]: makes the package for npm of what is built. The drivers
// of the database are in it, so npm installs none: neither a compiler nor the sources of SQLite are needed, and what one
// Node has installed serves all. It is for Node 22.14 and later: an older one takes no binary but one that was compiled for
// its release, as FILE was for that of Node 20.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/** Others have Node's own. */
const BINARIES = ['x64', 'arm64'].map((arch) => `better-sqlite3/prebuilds/linux-${arch}.node`);
const OF_NODE_20 = 'better-sqlite3-node20/build/Release/better_sqlite3.node';

/** Made where it is installed, for the Node there: another one refuses it, and no two builds of it are the same. */
const CODE = '.code';

const [first, file, ...others] = process.argv.slice(2);
const isNamed = first === '--driver-of-node-20';
const options = isNamed ? others : process.argv.slice(2);

/** Where no driver is named: the first with version 10 of Node-API, by src/store/sqlite/better-sqlite3.ts. */
const ENGINES = { node: '>=22.14' };

/** What begins a shared object for Linux on x64 and arm64 (elf(5)): ELFCLASS64, little-endian, and e_type is ET_DYN. */
const ELF = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const TYPE_AT = 16;
const ET_DYN = 3;

const stage = mkdtempSync(join(tmpdir(), 'xapplepush-pack-'));
try {
  if (isNamed) expectSharedObject(file);
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const name of manifest.files.filter((each) => !each.startsWith('!')))
    cpSync(join(ROOT, name), join(stage, name), { recursive: true, filter: (path) => !path.endsWith(CODE) });
  for (const each of BINARIES) addDriver(each);
  if (isNamed) addDriver(OF_NODE_20, resolve(file));
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(installable(manifest), undefined, 2)}\n`);
  execFileSync('npm', ['pack', stage, ...options], { stdio: 'inherit' });
} catch (error) {
  process.stderr.write(`pack: error: ${error.message}\n`);
  const hint = error.hint ?? 'with Node 22.14 or later: npm ci --ignore-scripts && npm run tarball';
  process.stderr.write(`pack: hint: ${hint}\n`);
  process.exitCode = 1;
} finally {
  rmSync(stage, { recursive: true });
}

/** npm packs whatever it is given, and Node 20 would be the first to notice. */
function expectSharedObject(path) {
  if (path !== undefined && statSync(path, { throwIfNoEntry: false })?.isFile()) {
    const bytes = readFileSync(path);
    if (bytes.subarray(0, ELF.length).equals(ELF) && bytes.readUInt16LE(TYPE_AT) === ET_DYN) return;
  }
  throw Object.assign(new Error(`'${path ?? ''}' is no driver: a shared object for Linux was expected`), {
    hint: `name what npm ci has compiled with a Node 20: --driver-of-node-20 node_modules/${OF_NODE_20}`,
  });
}

function addDriver(binary, from = join(ROOT, 'node_modules', binary)) {
  const bundle = join(ROOT, 'dist', `${binary.split('/')[0]}.cjs`);
  for (const each of [bundle, from]) if (!existsSync(each)) throw new Error(`there is no ${each}`);
  cpSync(from, join(stage, 'dist/drivers', binary));
}

/** What is bundled is no dependency, nor is what is only of use in the source. */
function installable(manifest) {
  const { name, version, description, license, type, bin, man, files } = manifest;
  const engines = isNamed ? manifest.engines : ENGINES;
  const scripts = { postinstall: 'node build/keep-code-here.mjs' };
  return { name, version, description, license, type, engines, bin, man, files, scripts };
}
