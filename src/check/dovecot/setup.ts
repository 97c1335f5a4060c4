import type { Doveconf, Section } from './doveconf-output.ts';

/** What Dovecot is told to call for push notifications. */
export type Driver = LuaDriver | OxDriver;

export interface LuaDriver {
  kind: 'lua';
  file: string;
  /** Where push.lua puts its files; undefined where that is left to the script. */
  spool: string | undefined;
  /** What push-exec.lua runs; undefined where that is left to the script. */
  command: string | undefined;
}

export interface OxDriver {
  kind: 'ox';
  url: string;
}

/** 2.3 is written otherwise than 2.4 and what comes after it. */
export function isOld({ version }: Pick<Doveconf, 'version'>): boolean {
  return /^2\.[0-3]\./.test(version);
}

export function sectionsOf({ sections }: Section, kind: string, name?: string): readonly Section[] {
  return sections.filter((each) => each.kind === kind && (name === undefined || each.name === name));
}

/** The value that holds in that protocol. */
export function settingIn({ root }: Doveconf, protocol: string, key: string): string | undefined {
  const [own] = sectionsOf(root, 'protocol', protocol).flatMap(({ settings }) => settings.get(key) ?? []);
  return own ?? root.settings.get(key);
}

/** The value that holds for that service; `default_` is what all services have (dovecot: `default_vsz_limit`). */
export function settingOfService({ root }: Doveconf, service: string, key: string): string | undefined {
  const [own] = sectionsOf(root, 'service', service).flatMap(({ settings }) => settings.get(key) ?? []);
  return own ?? root.settings.get(`default_${key}`);
}

/** Every driver, of all mail or of a protocol, each once. Pure. */
export function driversOf(doveconf: Doveconf): Driver[] {
  const { root } = doveconf;
  const find = isOld(doveconf) ? driversOfPlugin : driversOfBlocks;
  const found = [root, ...sectionsOf(root, 'protocol')].flatMap((place) => find(place, root));
  return [...new Map(found.map((driver) => [JSON.stringify(driver), driver])).values()];
}

/** 2.3: `push_notification_driver = lua:file=/etc/dovecot/push.lua`, and the same with a number, in `plugin`. */
function driversOfPlugin(place: Section, root: Section): Driver[] {
  const general = sectionsOf(root, 'plugin').map(({ settings }) => settings);
  return sectionsOf(place, 'plugin').flatMap(({ settings }) => {
    const value = (key: string): string | undefined =>
      [settings, ...general]
        .find((each) => each.has(key))
        ?.get(key)
        ?.replaceAll('%%', '%');
    return [...settings]
      .filter(([key]) => /^push_notification_driver\d*$/.test(key))
      .flatMap(([, text]) => driverOf(text, value) ?? []);
  });
}

function driverOf(text: string, value: (key: string) => string | undefined): Driver | undefined {
  const [, kind = '', rest = ''] = /^(\w+)(?::(.*))?$/.exec(text) ?? [];
  const options = new Map(rest.split(' ').map((each) => [each.split('=', 1)[0], each.replace(/^\w+=/, '')]));
  const [file, url] = [options.get('file'), options.get('url')];
  if (kind === 'lua' && file !== undefined)
    return { kind, file, spool: value('xapplepush_spool'), command: value('xapplepush_command') };
  return kind === 'ox' && url !== undefined ? { kind, url } : undefined;
}

/** 2.4: `push_notification lua { lua_file = … }`, where a block of another name has a `driver`. */
function driversOfBlocks(place: Section): Driver[] {
  return sectionsOf(place, 'push_notification').flatMap((block): Driver[] => {
    const kind = block.settings.get('driver') ?? block.name;
    const value = (key: string): string | undefined =>
      block.settings.get(key) ?? block.settings.get(`push_notification_${key}`);
    const [file, url] = [value('lua_file') ?? value('path'), value('url') ?? value('ox_url')];
    if (kind === 'ox' && url !== undefined) return [{ kind, url }];
    if (kind !== 'lua' || file === undefined) return [];
    const [settings] = sectionsOf(block, 'lua_settings').map((each) => each.settings);
    return [{ kind, file, spool: settings?.get('spool'), command: settings?.get('command') }];
  });
}
