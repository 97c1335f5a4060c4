import * as v from 'valibot';
import { type DurationRange, isDurationIn, outOfRange, parseDuration } from './duration.ts';
import { nearest } from './nearest.ts';
import { isPostgresUrl, readPostgresUrl } from './postgres-url.ts';
import { shown } from './shown.ts';
import { SOCKET_PATH_MAX_BYTES, socketPathProblem } from './socket-path.ts';

/** What is wrong with a value, in words. */
type Message = (issue: { input: unknown }) => string;

/** A kind of value that a key can have. */
export type Kind<T> = v.GenericSchema<unknown, T>;

export const flag = expecting('true or false', (message) => v.boolean(message));

/** What is so where the key is there. */
export const onlyTrue = expecting('true', (message) => v.literal(true, message));

export const text = expecting('text', (message) => textWith(message, (value) => value !== ''));

/** As long as a label of DNS may be (RFC 1035, 2.3.4). */
const HOST_NAME = /^[A-Za-z\d][\w.-]{0,62}$/;

export const hostName = expecting('a name of at most 63 letters, digits and . _ -', (message) =>
  textWith(message, (value) => HOST_NAME.test(value)),
);

const PATH = 'an absolute path, starting with /';

export const path = expecting(PATH, (message) => textWith(message, isAbsolute));

const STORE_PLACE = `${PATH}, or postgresql://user@host:port/database`;

/** Problems do not show a URL: a password may stand in it. */
export const storePlace = v.pipe(
  textWith(storeProblem, (value) => problemOfPlace(value) === undefined),
  v.description(STORE_PLACE),
);

function storeProblem({ input }: { input: unknown }): string {
  const ofUrl = typeof input === 'string' && isPostgresUrl(input) ? problemOfPlace(input) : undefined;
  if (ofUrl !== undefined) return ofUrl;
  const got = String(input).includes('@') ? '' : `, got ${shown(input)}`;
  return `expected ${STORE_PLACE}${got}`;
}

function problemOfPlace(value: string): string | undefined {
  if (!isPostgresUrl(value)) return isAbsolute(value) ? undefined : STORE_PLACE;
  const read = readPostgresUrl(value);
  return 'problem' in read ? read.problem : undefined;
}

/** The path of a file that holds a secret. Problems do not show the value: it may be the secret itself. */
export const secretPath = v.pipe(
  textWith(() => `expected ${PATH}`, isAbsolute),
  v.description(PATH),
);

export const socketPath = v.pipe(
  path,
  v.maxBytes(SOCKET_PATH_MAX_BYTES, ({ input }) => socketPathProblem(input) ?? ''),
  v.description(`${PATH}, of at most ${SOCKET_PATH_MAX_BYTES} bytes`),
);

export const logDestination = expecting('stderr or an absolute path', (message) =>
  textWith(message, (value) => value === 'stderr' || isAbsolute(value)),
);

export const namespacePrefix = expecting(
  'a prefix that ends in its separator, with %u, %n and %d once at most, such as shared/%u/',
  (message) => textWith(message, isNamespacePrefix),
);

function isNamespacePrefix(value: string): boolean {
  const variables = value.match(/%./g) ?? [];
  const isKnown = variables.every((each) => ['%u', '%n', '%d'].includes(each));
  return isKnown && new Set(variables).size === variables.length && /[^\p{L}\p{N}%\s]$/u.test(value.slice(1));
}

const APNS_SERVERS = new Map([
  ['production', 'https://api.push.apple.com:443'],
  ['sandbox', 'https://api.sandbox.push.apple.com:443'],
]);

export const apnsServer = expecting('production, sandbox or https://host:port', (message) =>
  v.pipe(
    v.string(message),
    v.transform((value) => APNS_SERVERS.get(value) ?? value),
    // No user, path or query: a push's path is /3/device/<token>.
    v.regex(/^https:\/\/[^/?#@\\\s]+\/?$/, message),
    v.check((value) => URL.canParse(value), message),
    v.transform((value) => new URL(value)),
  ),
);

const PROXY = 'http://host:port';

/** Problems do not show the value: a password may stand in it. */
export const httpProxy = v.pipe(
  textWith(proxyProblem, (value) => /^http:\/\/[^/?#@\\\s]+:\d{1,5}\/?$/.test(value) && URL.canParse(value)),
  v.description(PROXY),
);

function proxyProblem({ input }: { input: unknown }): string {
  const value = String(input);
  if (value.includes('@')) return `expected ${PROXY}; name and password stand in apns.proxy_password_file`;
  if (/^https:/i.test(value))
    return `expected ${PROXY}, and no TLS with the proxy itself; that with Apple goes through it untouched`;
  return `expected ${PROXY}`;
}

export const httpAddress = expecting('host:port, [IPv6 address]:port or unix:/path', (message) =>
  textWith(message, (value) => {
    if (value.startsWith('unix:/')) return socketPathProblem(value.slice('unix:'.length)) === undefined;
    const port = /^(?:\[[0-9a-f:.]+\]|[^\s:/[\]]+):(\d{1,5})$/i.exec(value)?.[1];
    return port !== undefined && Number(port) <= 65_535;
  }),
);

export function choice<const T extends string>(...choices: readonly T[]) {
  return expecting(listed(choices), (message) =>
    v.picklist(choices, (issue) => message(issue) + suggestion(issue.input, choices)),
  );
}

export function count({ min, max }: { min: number; max: number }) {
  return expecting(`a whole number from ${min} to ${max}`, (message) =>
    v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message)),
  );
}

/** A duration in milliseconds. */
export function duration(range: DurationRange) {
  return expecting('a whole number with its unit s, m, h or d, such as 10s', (message) =>
    v.pipe(
      textWith(message, (value) => parseDuration(value) !== undefined),
      v.check(
        (value) => isDurationIn(value, range),
        ({ input }) => outOfRange(input, range),
      ),
      v.transform((value) => parseDuration(value) ?? NaN),
    ),
  );
}

/** A schema whose problems say what was expected, as the manual page does. */
function expecting<S extends v.GenericSchema>(what: string, schemaWith: (message: Message) => S) {
  const message: Message = ({ input }) => `expected ${what}, got ${shown(input)}`;
  return v.pipe(schemaWith(message), v.description(what));
}

export function textWith(message: Message, isRight: (value: string) => boolean) {
  return v.pipe(
    v.string(message),
    v.check((value) => !hasControls(value) && isRight(value), message),
  );
}

function isAbsolute(value: string): boolean {
  return value.startsWith('/');
}

function hasControls(value: string): boolean {
  return /[\0-\x1f\x7f-\x9f]/.test(value);
}

function suggestion(value: unknown, choices: readonly string[]): string {
  const meant = typeof value === 'string' ? nearest(value, choices) : undefined;
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

function listed(choices: readonly string[]): string {
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1) ?? ''}`;
}
