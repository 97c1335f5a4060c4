import { join } from 'node:path';

/**
 * What is needed at one step of an event is one file: each takes a third of a millisecond to find. What every event
 * runs through comes first; a chunk holds all that its entries import and no earlier one holds. What a deliverer shares
 * with commands that send nothing stands apart from what sends. The commands' own chunks are the bundler's.
 */
const ENTRIES = {
  event: ['src/main.ts', 'src/process/installation.ts'],
  edition: ['src/config/edition.ts', 'src/config/duration.ts', 'src/config/socket-path.ts'],
  config: ['src/config/load.ts'],
  store: ['src/store/open.ts', 'src/delivery/wake.ts', ...verbs('enqueue', 'presence')],
  registration: ['src/intake/registering.ts', 'src/targets/target.ts', ...verbs('register')],
  control: ['src/delivery/poke.ts'],
  spool: ['src/spool/spool.ts', 'src/store/left-to-serve.ts'],
  lease: ['src/delivery/lease.ts', 'src/store/free.ts', ...verbs('leases', 'due')],
  credentials: ['src/apns/credentials/watch.ts', 'src/apns/credentials/expiry.ts'],
  delivery: ['src/delivery/foreground.ts', ...verbs('turn', 'upkeep', 'ahead', 'credentials')],
  deliverer: ['src/delivery/background.ts', 'src/sockets/unix-socket.ts'],
};

/** The files of the store's verbs, which it loads as they are asked for. */
function verbs(...names) {
  return names.map((name) => `src/store/sqlite/${name}.ts`);
}

/** The bundler's own code, which each chunk needs. */
const RUNTIME = '\0rolldown/runtime.js';

/** The chunks above, as rolldown's output.codeSplitting takes them. */
export function groups(root) {
  return Object.entries(ENTRIES).map(([name, entries], index, { length }) => {
    const files = new Set(entries.map((file) => join(root, file)));
    if (name === 'event') files.add(RUNTIME);
    return { name, priority: length - index, test: (file) => files.has(file) };
  });
}

/**
 * In place of node:module: createRequire finds the chunks of the libraries. What package.json says does not change
 * after the build.
 */
export function librariesPlugin(libraries, packageJson) {
  const id = '\0create-require';
  return {
    name: 'libraries',
    resolveId: (source) => (source === 'node:module' ? id : undefined),
    load: (module) => (module === id ? createRequireOf(libraries, packageJson) : undefined),
  };
}

function createRequireOf(libraries, packageJson) {
  return `
    const libraries = new Set(${JSON.stringify(libraries)});
    const load = (name) => {
      if (name === '../../package.json') return ${JSON.stringify(packageJson)};
      return require(libraries.has(name) ? './' + name + '.cjs' : name);
    };
    export const createRequire = () => load;`;
}
