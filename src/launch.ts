// Where the built program begins. The bundler makes a few layers of the source and of the libraries, from what every
// event runs through to what only commands need. Each is loaded when it is reached, together with the code that V8
// made of it at the build: to compile it anew would take longer than all the rest. V8 refuses the code of another
// version of itself, and then compiles. Damaged code it does not notice, and ends the process (its checksum is for
// debugging): so the code stands in its file twice, which is compared sooner than any sum is made.
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

interface Module {
  exports: unknown;
}

const modules = new Map<string, Module>();

/** What the layer exports: the files of src in it, by name, or what the library exports. */
function layer(name: string): unknown {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module: Module = { exports: {} };
  modules.set(name, module); // before it runs: a later layer may look back at it
  try {
    const run = load(name).runInThisContext() as (...scope: unknown[]) => void;
    run(module, module.exports, layer, require, import.meta.dirname, import.meta.filename);
  } catch (error) {
    modules.delete(name); // such as for want of a descriptor: the next time it may go well
    throw error;
  }
  return module.exports;
}

function load(name: string): Script {
  const file = join(import.meta.dirname, `${name}.js`);
  const cachedData = codeOf(file);
  return new Script(readFileSync(file, 'utf8'), {
    filename: join('dist', `${name}.js`), // for traces; the code remembers the name that it had at the build
    ...(cachedData && { cachedData }),
  });
}

function codeOf(file: string): Buffer | undefined {
  try {
    return whatStandsTwice(readBytes(`${file}.code`));
  } catch {
    return undefined; // V8 compiles the source
  }
}

/** Undefined where the halves differ. */
function whatStandsTwice(bytes: Buffer): Buffer | undefined {
  const half = bytes.subarray(0, bytes.length / 2);
  return half.equals(bytes.subarray(half.length)) ? half : undefined;
}

/** As readFileSync does, whose first call for bytes takes four times as long. */
function readBytes(file: string): Buffer {
  const fd = openSync(file, 'r');
  try {
    const bytes = Buffer.allocUnsafe(fstatSync(fd).size);
    return bytes.subarray(0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}

layer('event');
