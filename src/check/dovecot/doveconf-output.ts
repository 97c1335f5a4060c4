/** A block of the configuration: `service lmtp { … }`, or the whole. */
export interface Section {
  /** The first word: `service`, `protocol`, `push_notification`. */
  kind: string;
  /** What follows it; empty where there is nothing: `plugin { … }`. */
  name: string;
  settings: ReadonlyMap<string, string>;
  sections: readonly Section[];
}

/** What `doveconf -n` prints: the settings that differ from Dovecot's own. */
export interface Doveconf {
  /** `2.3.19.1`, `2.4.1-4`. */
  version: string;
  root: Section;
}

interface OpenSection extends Section {
  settings: Map<string, string>;
  sections: OpenSection[];
}

/** The first line (doveconf.c of 2.3 and 2.4). */
const HEADER = /^# (\d+\.\d+\S*) \([0-9a-f]+\): /;
const SECTION = /^([\w-]+)(?:\s+(\S.*?))?\s*\{$/;
const SETTING = /^([^\s={}]+)\s*=(?:\s+(.*))?$/;

/** In the place of a value that is secret, or is long. */
const HIDDEN = /^# hidden/;

/**
 * Reads the output of `doveconf -n` of 2.3 or 2.4; undefined where it is none. An output that ends early, as after a
 * mistake in the configuration, is taken as far as it goes; lines of another form are passed over. Pure.
 */
export function parseDoveconf(text: string): Doveconf | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const version = HEADER.exec(lines[0] ?? '')?.[1];
  return version === undefined ? undefined : { version, root: treeOf(lines) };
}

function treeOf(lines: readonly string[]): Section {
  const root = sectionOf('', '');
  const open = [root];
  for (const line of lines) {
    const inner = open.at(-1) ?? root;
    const [, kind, name = ''] = SECTION.exec(line) ?? [];
    if (kind !== undefined) {
      const section = sectionOf(kind, unquoted(name));
      inner.sections.push(section);
      open.push(section);
    } else if (line === '}') {
      if (open.length > 1) open.pop();
    } else {
      addSetting(inner, line);
    }
  }
  return root;
}

function sectionOf(kind: string, name: string): OpenSection {
  return { kind, name, settings: new Map(), sections: [] };
}

function addSetting({ settings }: OpenSection, line: string): void {
  const [, key, value = ''] = line.startsWith('#') ? [] : (SETTING.exec(line) ?? []);
  if (key !== undefined && !HIDDEN.test(value)) settings.set(key, unquoted(value));
}

/** Within quotes, a backslash stands before a quote and before a backslash; without them it is only itself. */
function unquoted(value: string): string {
  const inner = /^"(.*)"$/.exec(value)?.[1];
  return inner === undefined ? value : inner.replaceAll(/\\(["\\])/g, '$1');
}
