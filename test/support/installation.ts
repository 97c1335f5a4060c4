import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const SHIPPED = ['bin', 'dist', 'schema.sql', 'package.json'];

/**
 * Copies what a host has after an installation, the built program and its production dependencies, to where
 * another user can reach it. Gives the path of the command.
 */
export function installProgram(dir: string): string {
  mkdirSync(dir, { recursive: true });
  for (const name of SHIPPED) cpSync(join(PROJECT, name), join(dir, name), { recursive: true });
  for (const path of productionDependencies())
    cpSync(path, join(dir, relative(PROJECT, path)), { recursive: true });
  return join(dir, 'bin/xapplepush');
}

function productionDependencies(): string[] {
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    cwd: PROJECT,
    encoding: 'utf8',
  });
  return listed.trim().split('\n').slice(1);
}
