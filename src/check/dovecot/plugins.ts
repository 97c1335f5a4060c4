import { type Point, ok, problem } from '../point.ts';
import type { Doveconf, Section } from './doveconf-output.ts';
import { type Driver, sectionsOf } from './setup.ts';

export const DOVECOT_PLUGINS = 'Dovecot plugins';

const OF_DRIVER: Readonly<Record<Driver['kind'], readonly string[]>> = {
  lua: ['mail_lua', 'notify', 'push_notification', 'push_notification_lua'],
  ox: ['notify', 'push_notification'],
};

/** What happens where a driver is not called; the OX driver is called for deliveries only. */
const OF_PROTOCOL: Readonly<Record<string, { kinds: readonly Driver['kind'][]; loss: string }>> = {
  lmtp: { kinds: ['lua', 'ox'], loss: 'no push goes out for new mail' },
  lda: { kinds: ['lua', 'ox'], loss: 'no push goes out for new mail' },
  imap: { kinds: ['lua'], loss: 'no push goes out for what is read, deleted or moved' },
};

/** Dovecot stops the process then, as with 2.3.19 and 2.4.1. */
const FATAL = 'push_notification_lua is loaded without mail_lua: no mail is delivered';

/** What a protocol loads. */
interface Loaded {
  plugins: readonly string[];
  /** Where that is written: `protocol lmtp`; undefined where the list of all protocols holds. */
  place: string | undefined;
}

/** Whether each protocol loads what the drivers need; a list of its own takes the place of the general one. Pure. */
export function judgePlugins({ root }: Doveconf, drivers: readonly Driver[]): Point[] {
  const points = Object.entries(OF_PROTOCOL).flatMap(([protocol, { kinds, loss }]) => {
    const needed = drivers.filter(({ kind }) => kinds.includes(kind)).flatMap(({ kind }) => OF_DRIVER[kind]);
    const loaded = loadedBy(root, protocol);
    if (protocol === 'lda' && loaded.place === undefined) return []; // told of lmtp already, or not in use
    return judge(loaded, [...new Set(needed)], loss) ?? [];
  });
  // A fault of the general list is told once, with its first consequence.
  const told = points.filter(({ fix }, index) => points.findIndex((each) => each.fix === fix) === index);
  return told.length > 0 ? told : [ok(DOVECOT_PLUGINS, 'loaded for delivery and IMAP')];
}

/** What `mail_plugins` comes to in that protocol. */
export function loadedBy(root: Section, protocol: string): Loaded {
  const general = changed([], root);
  const own = sectionsOf(root, 'protocol', protocol).filter(hasPlugins);
  const plugins = own.reduce(changed, general);
  return { plugins, place: own.length > 0 ? `protocol ${protocol}` : undefined };
}

/** Whether it has a `mail_plugins` of its own. */
export function hasPlugins(section: Section): boolean {
  return section.settings.has('mail_plugins') || sectionsOf(section, 'mail_plugins').length > 0;
}

/** A line is the whole list; a block of 2.4 adds and takes away. */
export function changed(plugins: readonly string[], section: Section): readonly string[] {
  const line = section.settings
    .get('mail_plugins')
    ?.split(/\s+/)
    .filter((name) => name !== '');
  const flags = sectionsOf(section, 'mail_plugins').flatMap(({ settings }) => [...settings]);
  const removed = flags.filter(([, value]) => value === 'no').map(([name]) => name);
  const added = flags.filter(([, value]) => value !== 'no').map(([name]) => name);
  return [...new Set([...(line ?? plugins), ...added])].filter((name) => !removed.includes(name));
}

function judge({ plugins, place }: Loaded, needed: readonly string[], loss: string): Point | undefined {
  const missing = needed.filter((name) => !plugins.includes(name));
  if (missing.length === 0) return undefined;
  const fatal = plugins.includes('push_notification_lua') && missing.includes('mail_lua');
  const list = plugins.length > 0 ? `is ${plugins.join(' ')}, without ${missing.join(' ')}` : 'is empty';
  return problem(
    DOVECOT_PLUGINS,
    `mail_plugins${place === undefined ? '' : ` of ${place}`} ${list}: ${fatal ? FATAL : loss}`,
    `${place === undefined ? '' : `in ${place}: `}mail_plugins = ${[...plugins, ...missing].join(' ')}`,
  );
}
