// Where the built program begins. The bundler makes a few chunks of the source, from what every event runs through to
// what only commands need. Those that an event and its deliverer run through are loaded together with the code that V8
// made of them at the build: to compile them anew would take longer than all the rest. V8 refuses the code of another
// version of itself, and then compiles. Damaged code it does not notice, and crashes the process (its checksum is for
// debugging): so the code stands in its file twice, which is compared sooner than any sum is made.
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

interface Module {
  exports: unknown;
}

const modules = new Map<string, Module>();

/** Node's own, for what is no chunk. */
const requireModule: (name: string) => unknown = require;

/** As Node's own, which looks at each part of a path and reads no code of V8. */
function requireChunk(name: string): unknown {
  if (!name.startsWith('./')) return requireModule(name);
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module: Module = { exports: {} };
  modules.set(name, module); // before it runs: a later chunk may look back at it
  try {
    const run = load(name).runInThisContext() as (...scope: unknown[]) => void;
    run(module.exports, requireChunk, module, import.meta.filename, import.meta.dirname);
  } catch (error) {
    modules.delete(name); // such as for want of a descriptor: the next time it may go well
    throw error;
  }
  return module.exports;
}

function load(name: string): Script {
  const file = join(import.meta.dirname, name);
  const cachedData = codeOf(file);
  const source = readFileSync(file, 'utf8');
  return new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: join('dist', name), // for traces; the code remembers the name that it had at the build
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

requireChunk('./event.cjs');
