// packaging/sbom.mjs LICENCES [MODULES [NODE]] <LIST: of npm's list of all that the source is made with (npm sbom, CycloneDX)
// prints what an artefact carries: what is bundled, by the file that build/licences.mjs writes, and the packages in the
// folder MODULES; npm installs nothing beside its package, which has none. NODE is the version of the Node inside. The same
// artefact has the same list: it is dated by SOURCE_DATE_EPOCH and numbered by its content.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , licences, modules, node] = process.argv;
const all = JSON.parse(readFileSync(0, 'utf8'));

const carried = new Set([...bundled(), ...(modules === undefined ? [] : packagesIn(modules))]);
const components = all.components.filter((component) => carried.has(component['bom-ref'])).map(shown);
const unknown = [...carried].filter((id) => !components.some((component) => component['bom-ref'] === id));
if (unknown.length > 0) throw new Error(`carried, and not in the list of npm: ${unknown.join(', ')}`);
if (node !== undefined) components.push(ofNode(node));
const metadata = {
  timestamp: new Date(Number(process.env.SOURCE_DATE_EPOCH) * 1000).toISOString(),
  component: { ...all.metadata.component, name: 'xapplepush', type: 'application' },
};
const list = { bomFormat: 'CycloneDX', specVersion: all.specVersion, version: 1, metadata, components };
process.stdout.write(`${JSON.stringify({ serialNumber: serialNumber(list), ...list }, undefined, 2)}\n`);

function bundled() {
  const headings = readFileSync(licences, 'utf8').matchAll(/^=== (\S+) (\S+) ===$/gm);
  return [...headings].map(([, name, version]) => `${name}@${version}`);
}

function isInstalled({ properties }) {
  return !properties?.some(({ name }) => name === 'cdx:npm:package:development');
}

function packagesIn(folder) {
  return readdirSync(folder)
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(folder, name)).map((each) => `${name}/${each}`) : [name],
    )
    .flatMap((name) => idsOf(folder, name));
}

/** Of a driver there may be the binary alone. */
function idsOf(folder, name) {
  const manifest = join(folder, name, 'package.json');
  if (!existsSync(manifest))
    return all.components
      .filter((each) => each.name === name && isInstalled(each))
      .map((each) => each['bom-ref']);
  const { name: ownName, version } = JSON.parse(readFileSync(manifest, 'utf8'));
  return [`${ownName}@${version}`];
}

/** That npm would take it for development only, or perhaps not at all, is no longer so: it is in the artefact. */
function shown(component) {
  return { ...component, properties: [], scope: 'required' };
}

function ofNode(version) {
  return {
    'bom-ref': `node@${version}`,
    type: 'platform',
    name: 'node',
    version,
    scope: 'required',
    purl: `pkg:generic/node@${version}`,
  };
}

/** As a UUID of version 8, which anybody may make as they like. */
function serialNumber(content) {
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return `urn:uuid:${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}
