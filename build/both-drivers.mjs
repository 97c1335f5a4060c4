// Ends with 1 where a package made of dist/, or of the folder that is named, would serve some releases of Node only: npm
// installs both releases of the database's driver from Node 22.14 on.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const [, , folder = 'dist'] = process.argv;
const missing = ['better-sqlite3', 'better-sqlite3-node20'].filter(
  (name) => !existsSync(join(folder, `${name}.cjs`)),
);
if (missing.length > 0) {
  process.stderr.write(
    `pack: error: ${missing.join(' and ')} is not in ${folder}: other Nodes could not run it\n`,
  );
  process.stderr.write('pack: hint: with Node 22.14 or later: npm ci --ignore-scripts && npm pack\n');
  process.exitCode = 1;
}
