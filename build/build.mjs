// Makes the folder that is named of src/: main.cjs, the launcher, and the chunks that it loads, each the code of one
// step (chunks.mjs). An ES module costs 5 ms before its first line, and each further file a third of one, while a mail
// server starts this program for every change of a mailbox.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { groups, librariesPlugin } from './chunks.mjs';
import { keepCode } from './keep-code.mjs';
import { licencesOf } from './licences.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const OUT = resolve(ROOT, process.argv[2]);

/** Of the database's driver npm installs what this Node can use. */
const DRIVERS = ['better-sqlite3', 'better-sqlite3-node20'].filter((name) =>
  existsSync(join(ROOT, 'node_modules', name)),
);

/** Chunks of their own: the source loads them where it needs them, by createRequire. */
const LIBRARIES = [...DRIVERS, 'node-forge', 'pino', 'yaml'];

/** What a driver would look for its binary by, which is loaded by its path. */
const EXTERNAL = ['bindings'];

/** As a script of node:vm has them. */
const PLACES = {
  'import.meta.url': '__filename',
  'import.meta.dirname': '__dirname',
  'import.meta.filename': '__filename',
};

const build = fingerprintOf([...sources('src'), 'build/launch.ts', 'schema.sql', 'package-lock.json']);
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const launcher = await bundle({ main: 'build/launch.ts' }, {});
const program = await bundle(
  { event: 'src/main.ts', ...Object.fromEntries(LIBRARIES.map((name) => [name, name])) },
  { codeSplitting: { groups: groups(ROOT) } },
  [librariesPlugin(LIBRARIES, { version, build })],
);
writeFileSync(join(OUT, 'LICENSES'), licencesOf([...launcher, ...program]));
writeFileSync(join(OUT, 'build'), build);
execFileSync(process.execPath, [join(OUT, 'main.cjs'), '--version']); // throws where it does not run
writeFileSync(join(OUT, 'xapplepush.1'), execFileSync(process.execPath, [join(OUT, 'main.cjs'), 'man']));
await keepCode(OUT, DRIVERS);

function sources(folder) {
  const files = readdirSync(join(ROOT, folder), { recursive: true });
  return files.filter((file) => file.endsWith('.ts')).map((file) => join(folder, file));
}

/** Of these files' contents: who works with one build tells by it that another was put in its place. */
function fingerprintOf(files) {
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(`${file}\0`).update(readFileSync(join(ROOT, file)));
  return hash.digest('hex').slice(0, 12);
}

async function bundle(input, output, plugins = []) {
  const graph = await rolldown({
    cwd: ROOT,
    input,
    plugins,
    platform: 'node',
    external: EXTERNAL,
    transform: { target: 'node20', define: PLACES },
    checks: { ineffectiveDynamicImport: false }, // what another chunk needs at once is simply there
  });
  const { output: chunks } = await graph.write({
    dir: OUT,
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    dynamicImportInCjs: false,
    ...output,
  });
  await graph.close();
  return chunks;
}
