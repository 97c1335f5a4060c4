import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ExitCode, isMissing, messageOf, OperatorError } from '../process/errors.ts';
import type { CollectionKind } from '../mailboxes/collection.ts';
import { OPTIONS } from '../targets/kind.ts';
import { DEFAULT_NAMESPACE, type CyrusNamespace } from '../mailboxes/cyrus-namespace.ts';

/** imapd.conf(5) has no limit of its own; Cyrus refuses a file that is included twice. */
const MAX_INCLUDE_DEPTH = 10;

const INCLUDE = '@include';
const CONTINUATION = '\\\n';

/** What of imapd.conf an event needs. */
export interface ImapdSettings {
  namespace: CyrusNamespace;
  apsTopic: string | undefined;
}

/** What holds where nobody has an imapd.conf. */
export const WITHOUT_IMAPD_CONF: ImapdSettings = { namespace: DEFAULT_NAMESPACE, apsTopic: undefined };

/** Gives the settings in that file, which is read at the first call. */
export function imapdSettings(file: string): () => ImapdSettings {
  let settings: ImapdSettings | undefined;
  return () => {
    if (settings === undefined) {
      const { options } = readImapdConf(file);
      settings = { namespace: namespaceOf(options), apsTopic: apsTopicOf(options) };
    }
    return settings;
  };
}

/** The options of imapd.conf(5), names in lower case. Lines that are no option are passed over. */
export function parseImapdConf(text: string): Map<string, string> {
  return new Map(optionsIn(text).filter(isNoDirective));
}

/** How the server names mailboxes; what is not set, or set to nonsense, is as Cyrus has it by default. */
export function namespaceOf(options: Map<string, string>): CyrusNamespace {
  const defaults = DEFAULT_NAMESPACE;
  const virtdomains = options.get('virtdomains');
  return {
    separator: switchOf(options.get('unixhierarchysep'), true) ? '/' : '.',
    altNamespace: switchOf(options.get('altnamespace'), defaults.altNamespace),
    virtualDomains: virtdomains?.toLowerCase() === 'userid' || switchOf(virtdomains, defaults.virtualDomains),
    defaultDomain: options.get('defaultdomain') ?? defaults.defaultDomain,
    otherUsersPrefix: options.get('userprefix') ?? defaults.otherUsersPrefix,
    sharedPrefix: options.get('sharedprefix') ?? defaults.sharedPrefix,
    altPrefix: options.get('altprefix') ?? defaults.altPrefix,
  };
}

/** The APNs topic that Cyrus hands to devices; undefined when it has none and offers no push. */
export function apsTopicOf(options: Map<string, string>): string | undefined {
  return options.get('aps_topic');
}

/** The topics that Cyrus hands to devices for calendars and for address books; without one it offers no push of them. */
export function collectionTopicsOf(
  options: ReadonlyMap<string, string>,
): Partial<Record<CollectionKind, string>> {
  const [calendar, contacts] = [options.get(OPTIONS.calendar), options.get(OPTIONS.contacts)];
  return { ...(calendar !== undefined && { calendar }), ...(contacts !== undefined && { contacts }) };
}

/** What Cyrus tells its events to: by default socket/notify in configdirectory (imapd.conf(5)). */
export function notifySocketOf(options: ReadonlyMap<string, string>): string | undefined {
  const folder = options.get('configdirectory');
  return options.get('notifysocket') ?? (folder === undefined ? undefined : `${folder}/socket/notify`);
}

/**
 * Reads the file and those it includes. A file that does not exist is `missing`: the host has no Cyrus.
 * Throws an OperatorError where a file cannot be read.
 */
export function readImapdConf(file: string): { options: Map<string, string>; missing: boolean } {
  const text = readText(file, 'may be missing');
  if (text === undefined) return { options: new Map(), missing: true };
  return { options: new Map(optionsWithIncludes(file, text, 0)), missing: false };
}

/** An option, and where it stands. */
export interface ImapdLine {
  name: string;
  value: string;
  file: string;
  line: number;
}

/** Every option of the file and those it includes, with its place. Throws an OperatorError where one cannot be read. */
export function readImapdLines(file: string, depth = 0): ImapdLine[] {
  if (depth > MAX_INCLUDE_DEPTH) throw includedTooDeep(file);
  return linesIn(readText(file, 'must exist')).flatMap(({ text, line }) =>
    optionIn(text).flatMap(([name, value]): ImapdLine[] => {
      if (name === INCLUDE) return readImapdLines(resolve(dirname(file), value), depth + 1);
      return name.startsWith('@') ? [] : [{ name, value, file, line }];
    }),
  );
}

/** A line that goes on in the next one counts by its first. */
function linesIn(text: string): { text: string; line: number }[] {
  let line = 1;
  return text.split(/(?<!\\)\n/).map((each) => {
    const found = { text: each.replaceAll(CONTINUATION, ''), line };
    line += each.split('\n').length;
    return found;
  });
}

type Option = [name: string, value: string];

/** With the directives, which begin with `@`. */
function optionsIn(text: string): Option[] {
  return text.replaceAll(CONTINUATION, '').split('\n').flatMap(optionIn);
}

/** At most one option. Parsed by hand: every event runs through it, and a regular expression costs V8 as much as the rest. */
function optionIn(line: string): Option[] {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0)).trimStart();
  const value = line.slice(colon + 1).trim();
  const isName = name !== '' && name === name.trimEnd() && !name.startsWith('#');
  return isName && value !== '' ? [[name.toLowerCase(), value]] : [];
}

function isNoDirective([name]: Option): boolean {
  return !name.startsWith('@');
}

/** The words of imapd.conf(5): yes, on, t, true, 1 and no, off, f, false, 0; Cyrus looks at their beginnings. */
function switchOf(word: string | undefined, byDefault: boolean): boolean {
  const begins = (beginning: string): boolean => word?.toLowerCase().startsWith(beginning) === true;
  if (['1', 'y', 't', 'on'].some(begins)) return true;
  return ['0', 'n', 'f', 'of'].some(begins) ? false : byDefault;
}

function optionsWithIncludes(file: string, text: string, depth: number): Option[] {
  if (depth > MAX_INCLUDE_DEPTH) throw includedTooDeep(file);
  const options = optionsIn(text);
  const included = options
    .filter(([name]) => name === INCLUDE)
    .flatMap(([, value]) => {
      const path = resolve(dirname(file), value);
      return optionsWithIncludes(path, readText(path, 'must exist'), depth + 1);
    });
  return [...options.filter(isNoDirective), ...included];
}

function includedTooDeep(file: string): OperatorError {
  return new OperatorError(`${file} is included more than ${MAX_INCLUDE_DEPTH} files deep`, {
    exitCode: ExitCode.configuration,
    hint: 'look for an @include that leads back to its own file',
  });
}

function readText(file: string, existence: 'must exist'): string;
function readText(file: string, existence: 'may be missing'): string | undefined;
function readText(file: string, existence: 'must exist' | 'may be missing'): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error) && existence === 'may be missing') return undefined;
    throw new OperatorError(`cannot read Cyrus's configuration ${file}: ${messageOf(error)}`, {
      exitCode: ExitCode.configuration,
      hint: 'let the user that runs xapplepush read it, or set imapd_conf to the file that holds the namespace options',
      cause: error,
    });
  }
}
