import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

/** What every event runs through comes first. A layer holds what its entries import and no earlier layer holds. */
const ENTRIES = {
  event: ['src/main.ts', 'src/installation.ts'],
  config: ['src/config/load.ts'],
  store: ['src/store/open.ts', 'src/delivery/wake.ts', ...verbs('enqueue', 'presence')],
  registration: ['src/intake/registration-topic.ts', 'src/targets/target.ts', ...verbs('register')],
  control: ['src/delivery/control.ts'],
  delivery: [
    'src/delivery/foreground.ts',
    ...verbs('turn', 'due', 'upkeep', 'leases', 'ahead', 'credentials'),
  ],
  commands: undefined, // all the rest
};

/** The files of the store's verbs, which it loads as they are asked for. */
function verbs(...names) {
  return names.map((name) => `src/store/sqlite/${name}.ts`);
}

/** Gives each file of src its layer, by the imports that esbuild has found: `graph` is the inputs of its metafile. */
export function divide(graph) {
  const layerOf = new Map();
  for (const [name, entries] of Object.entries(ENTRIES))
    for (const file of closureOf(graph, entries ?? Object.keys(graph)))
      if (!layerOf.has(file)) layerOf.set(file, name);
  return { names: Object.keys(ENTRIES), graph, layerOf };
}

/** The files, and all that they import at once. */
function closureOf(graph, entries) {
  const closure = new Set(entries);
  for (const file of closure)
    for (const { path, kind, external } of graph[file].imports)
      if (kind !== 'dynamic-import' && !external && path.startsWith('src/')) closure.add(path);
  return [...closure].filter((file) => file.startsWith('src/'));
}

/** A module of all files of the layer, which exports those that another layer needs. */
export function sourceOf({ graph, layerOf }, name) {
  const isNeeded = (file) =>
    Object.entries(graph).some(
      ([importer, { imports }]) =>
        layerOf.get(importer) !== name && imports.some(({ path }) => path === file),
    );
  return [...layerOf.keys()]
    .filter((file) => layerOf.get(file) === name)
    .map((file) => (isNeeded(file) ? `export * as ${idOf(file)} from './${file}';` : `import './${file}';`))
    .join('\n');
}

/** Has the layer load from others what is not in it, and find the libraries that are layers. */
export function layersPlugin({ root, layers: { layerOf }, name, libraries, build }) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return {
    name: 'layers',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir }) => {
        const file = relative(root, resolve(resolveDir, path));
        return layerOf.get(file) === name ? undefined : { path: file, namespace: 'layer' };
      });
      onLoad({ filter: /.*/, namespace: 'layer' }, ({ path }) => ({
        contents: `module.exports = layer('${layerOf.get(path)}').${idOf(path)};`,
      }));
      onResolve({ filter: /^node:module$/ }, () => ({ path: 'createRequire', namespace: 'require' }));
      onLoad({ filter: /.*/, namespace: 'require' }, () => ({
        contents: createRequireFor({ libraries, version, build }),
      }));
    },
  };
}

/** In place of node:module. What package.json says does not change after the build, whose fingerprint joins it. */
function createRequireFor({ libraries, version, build }) {
  return `
    const libraries = new Set(${JSON.stringify(libraries)});
    const load = (name) => {
      if (name === '../package.json') return ${JSON.stringify({ version, build })};
      return libraries.has(name) ? layer(name) : require(name);
    };
    export const createRequire = () => load;`;
}

function idOf(file) {
  return file.replace(/^src\//, '').replace(/\W/g, '_');
}
