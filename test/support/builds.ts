import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const NEEDED = ['bin', 'build', 'examples', 'package-lock.json', 'package.json', 'schema.sql', 'src'];

/** Two builds of the program, which are put in each other's place, as an upgrade does under a running program. */
export interface Builds {
  command: string;
  /** Puts one of them there; gives its fingerprint. */
  install(which: 'old' | 'new'): string;
}

/** Builds both in a copy of the project. The new one differs by a comment. */
export function buildsIn(dir: string): Builds {
  for (const name of NEEDED) cpSync(join(PROJECT, name), join(dir, name), { recursive: true });
  symlinkSync(join(PROJECT, 'node_modules'), join(dir, 'node_modules'));
  build(dir, 'old');
  appendFileSync(join(dir, 'src/process/installation.ts'), '// another build\n');
  build(dir, 'new');
  return {
    command: join(dir, 'bin/xapplepush'),
    install: (which) => {
      const [dist, next] = [join(dir, 'dist'), join(dir, 'dist.new')];
      cpSync(join(dir, which), next, { recursive: true });
      rmSync(dist, { recursive: true, force: true });
      renameSync(next, dist);
      return readFileSync(join(dist, 'build'), 'utf8');
    },
  };
}

function build(dir: string, name: string): void {
  execFileSync(process.execPath, ['build/build.mjs', name], { cwd: dir });
}
