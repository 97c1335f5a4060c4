import type { Section } from './doveconf-output.ts';
import { changed, hasPlugins } from './plugins.ts';

/** A part of the configuration with a `mail_plugins` of its own. */
export interface PluginPlace {
  /** For people: `all protocols`, `protocol lmtp`, `protocol imap in local 127.0.0.2`. */
  name: string;
  /** Which protocol it holds for; undefined where for all. */
  protocol: string | undefined;
  plugins: readonly string[];
}

/** By the address that a client came to or from, or by the name of the server that it asked for. */
const BY_CONNECTION = ['local', 'local_name', 'remote'];

/** All of them, that of all protocols first. Pure. */
export function pluginPlaces(root: Section): PluginPlace[] {
  return placesIn(root, { name: 'all protocols', protocol: undefined, plugins: changed([], root) });
}

function placesIn(section: Section, place: PluginPlace): PluginPlace[] {
  const inner = section.sections.flatMap((each): PluginPlace[] => {
    if (each.kind !== 'protocol' && !BY_CONNECTION.includes(each.kind)) return [];
    const protocol = each.kind === 'protocol' ? each.name : place.protocol;
    return placesIn(each, { name: nameOf(each, place), protocol, plugins: changed(place.plugins, each) });
  });
  return hasPlugins(section) ? [place, ...inner] : inner;
}

function nameOf({ kind, name }: Section, outer: PluginPlace): string {
  return outer.name === 'all protocols' ? `${kind} ${name}` : `${kind} ${name} in ${outer.name}`;
}
