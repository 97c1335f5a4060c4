import { type ChildProcessByStdio, spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { madeOnce } from './made-once.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The program as JavaScript in a folder of its own, for tests that need several processes. */
export interface CompiledProgram {
  /** Runs a module that may import from the program's `src/…`, written as `@/db.js`; gives its standard output. */
  run(script: string, ...args: string[]): Promise<string>;
  /** Starts such a module; what it writes can be read. */
  start(script: string, ...args: string[]): ChildProcessByStdio<null, Readable, Readable>;
  remove(): void;
}

/** The source as it is now, compiled without checking types; by default in a new folder. */
export function compileProgram(
  folder = mkdtempSync(join(tmpdir(), 'xapplepush-compiled-')),
): CompiledProgram {
  cpSync(madeOnce('compiled', compileAll), folder, { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return {
    run: (script, ...args) => output(startModule(folder, script, args)),
    start: (script, ...args) => startModule(folder, script, args),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function compileAll(folder: string): void {
  for (const file of ['package.json', 'schema.sql']) copyFileSync(join(ROOT, file), join(folder, file));
  for (const name of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.ts')) compile(name, join(folder, 'dist', name.replace(/\.ts$/, '.js')));
}

function compile(name: string, output: string): void {
  mkdirSync(dirname(output), { recursive: true });
  const { outputText } = ts.transpileModule(readFileSync(join(ROOT, 'src', name), 'utf8'), {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ES2022,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  });
  writeFileSync(output, outputText);
}

function startModule(
  folder: string,
  script: string,
  args: readonly string[],
): ChildProcessByStdio<null, Readable, Readable> {
  const source = script.replaceAll(/(['"])@\//g, `$1${folder}/dist/`);
  return spawn(process.execPath, ['--input-type=module', '-e', source, '--', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function output(child: ChildProcessByStdio<null, Readable, Readable>): Promise<string> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(stdout.join(''));
      else reject(new Error(`the script ended with ${String(code)}: ${stderr.join('')}`));
    });
  });
}
