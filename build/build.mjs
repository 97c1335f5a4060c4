// Makes the folder that is named of src/: a few bundles, "layers", each with the code that V8 makes of it, which
// src/launch.ts loads. An ES module costs 5 ms before its first line, and each further file a third of one, while a
// mail server starts this program for every change of a mailbox.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { keepCode } from './keep-code.mjs';
import { divide, layersPlugin, sourceOf } from './layers.mjs';
import { licencesOf } from './licences.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const OUT = resolve(ROOT, process.argv[2]);

/** Of the database's driver npm installs what this Node can use. */
const DRIVERS = ['better-sqlite3', 'better-sqlite3-node20'].filter((name) =>
  existsSync(join(ROOT, 'node_modules', name)),
);

/** Layers of their own: the source loads them where it needs them, by createRequire. */
const LIBRARIES = [...DRIVERS, 'pino', 'yaml'];

/** Loaded from node_modules as they are: large, and only now and then of use. */
const EXTERNAL = ['bindings', 'csv-parse', 'node-forge', 'prom-client'];

/** Of http2-wrapper only the agent is of use. The rest loads node:https and makes a TLS socket, which takes 2 ms. */
const ALIAS = { 'http2-wrapper': 'http2-wrapper/source/agent.js' };

const OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  supported: { 'dynamic-import': false }, // a script of node:vm has require alone
  external: EXTERNAL,
  alias: ALIAS,
  outdir: OUT,
  metafile: true,
  logLevel: 'warning',
};

const graph = await graphOf('src/main.ts');
const layers = divide(graph);
const fingerprint = fingerprintOf([
  ...Object.keys(graph),
  'src/launch.ts',
  'schema.sql',
  'package-lock.json',
]);
const built = [await buildLauncher()];
for (const name of layers.names) built.push(await buildLayer(name, sourceOf(layers, name)));
for (const name of LIBRARIES) built.push(await buildLayer(name, `module.exports = require('${name}');`));
writeFileSync(join(OUT, 'LICENSES'), licencesOf(ROOT, built));
writeFileSync(join(OUT, 'build'), fingerprint);
execFileSync(process.execPath, [join(OUT, 'main.cjs'), '--version']); // throws where it does not run
writeFileSync(join(OUT, 'xapplepush.1'), execFileSync(process.execPath, [join(OUT, 'main.cjs'), 'man']));
await keepCode(OUT, DRIVERS);

/** Of these files' contents: who works with one build tells by it that another was put in its place. */
function fingerprintOf(files) {
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(`${file}\0`).update(readFileSync(join(ROOT, file)));
  return hash.digest('hex').slice(0, 12);
}

/** Each source file that the program reaches, and what it imports. */
async function graphOf(entrance) {
  const { metafile } = await build({ ...OPTIONS, entryPoints: [entrance], write: false, logLevel: 'error' });
  return metafile.inputs;
}

function buildLauncher() {
  return build({
    ...OPTIONS,
    entryPoints: { main: 'src/launch.ts' },
    outExtension: { '.js': '.cjs' },
    define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
  });
}

/** Functions keep their names and lines, for whoever reads the trace of a stack. */
function buildLayer(name, contents) {
  return build({
    ...OPTIONS,
    stdin: { contents, resolveDir: ROOT, sourcefile: name },
    outdir: undefined,
    outfile: join(OUT, `${name}.js`),
    banner: { js: '(function (module, exports, layer, require, __dirname, __filename) {' },
    footer: { js: '})' },
    define: {
      'import.meta.url': 'undefined',
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
    },
    plugins: [layersPlugin({ root: ROOT, layers, name, libraries: LIBRARIES, build: fingerprint })],
  });
}
