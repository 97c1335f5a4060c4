// What npm runs after an install, and again by `npm rebuild --global xapplepush` where Node was changed: V8 takes no code
// that another version of it has made. Without it the program starts more slowly, and works. Where it does not work, since
// no driver of the database is for this Node, that is said, and nothing fails: another Node may be the one to run it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { keepCode } from './keep-code.mjs';

const OUT = resolve(import.meta.dirname, '../dist');

if (hasDriver()) await keepCode(OUT, ['better-sqlite3', 'better-sqlite3-node20']);
else
  process.stderr.write(
    `xapplepush: no database driver here loads under Node ${process.version}: take Node 22.16, 24 or later, which has one itself\n`,
  );

/** As the program itself finds; that there is no database yet is another error. */
function hasDriver() {
  let folder;
  try {
    folder = mkdtempSync(join(tmpdir(), 'xapplepush-driver-'));
    const config = join(folder, 'config.yaml');
    writeFileSync(config, `store: ${folder}/x.db\n`);
    const args = [join(OUT, 'main.cjs'), '--config', config, 'store', 'show'];
    return !spawnSync(process.execPath, args, { encoding: 'utf8' }).stderr.includes(
      'database driver does not load',
    );
  } catch {
    return true; // keepCode needs a folder too, and says what stands in the way
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
