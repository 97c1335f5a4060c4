// packaging/version.mjs VERSION [DATE]: sets the version in package.json, package-lock.json and docs, and heads what is
// unreleased in CHANGELOG.md with it, in the folder where it runs. Nothing is changed where something is not as expected.
import { readFileSync, writeFileSync } from 'node:fs';

const SEMVER = /^(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?$/;
const UNRELEASED = /^## (\S+), unreleased$/m;

/** The files as they are to be, by their names. Throws with what was expected. */
function changed(version, date) {
  const manifest = read('package.json');
  const { version: former } = JSON.parse(manifest);
  expect(SEMVER.test(version), `'${version}' is no version`, 'name one such as 1.2.3 or 1.2.3-rc.1');
  const changelog = read('CHANGELOG.md');
  const [, heading] = UNRELEASED.exec(changelog) ?? [];
  expect(
    heading !== undefined,
    'CHANGELOG.md has no heading of what is unreleased',
    `write what has changed since ${former} below '## ${version}, unreleased'`,
  );
  const isFirst = heading === former; // what is unreleased may bear the number already
  expect(
    isAfter(version, former) || (isFirst && version === former),
    `${version} does not come after ${former}`,
    'name a higher version',
  );
  const lock = JSON.parse(read('package-lock.json'));
  lock.version = lock.packages[''].version = version;
  return {
    'package.json': manifest.replace(`"version": "${former}"`, `"version": "${version}"`),
    'package-lock.json': `${JSON.stringify(lock, undefined, 2)}\n`,
    'CHANGELOG.md': changelog.replace(UNRELEASED, `## ${version}, ${date}`),
    'docs/install.md': read('docs/install.md').replaceAll(
      `xapplepush-${former}.tgz`,
      `xapplepush-${version}.tgz`,
    ),
  };
}

function read(file) {
  return readFileSync(file, 'utf8');
}

/** A version with a suffix comes before the one without, rc.9 before rc.10. */
function isAfter(version, former) {
  const [[, ...one], [, ...other]] = [SEMVER.exec(version), SEMVER.exec(former)];
  const place = [0, 1, 2].find((each) => one[each] !== other[each]);
  if (place !== undefined) return Number(one[place]) > Number(other[place]);
  return (
    other[3] !== undefined &&
    (one[3] === undefined || one[3].localeCompare(other[3], 'en', { numeric: true }) > 0)
  );
}

function expect(condition, error, hint) {
  if (!condition) throw Object.assign(new Error(error), { hint });
}

const [, , version = '', date = new Date().toISOString().slice(0, 10)] = process.argv;
try {
  for (const [file, text] of Object.entries(changed(version, date))) writeFileSync(file, text);
} catch (error) {
  process.stderr.write(
    `release: error: ${error.message}\n${error.hint ? `release: hint: ${error.hint}\n` : ''}`,
  );
  process.exitCode = 1;
}
