import { parseDuration } from './duration.ts';
import { nearest } from './nearest.ts';
import type { YamlScalar } from './yaml.ts';

export type Reading<T> = { value: T } | { problem: string };

/** A kind of value that a key can have: what a person calls it, and how it is read from YAML. */
export interface Kind<T> {
  /** Completes "expected …". */
  expected: string;
  read: (value: YamlScalar) => Reading<T>;
}

/** struct sockaddr_un has 108 bytes for the path with its closing NUL: unix(7), sun_path. */
export const SOCKET_PATH_MAX_BYTES = 107;

export const flag: Kind<boolean> = {
  expected: 'true or false',
  read: (value) => (typeof value === 'boolean' ? { value } : unexpected(flag, value)),
};

export const text = textKind('text', (value) => (value === '' ? undefined : value));

export const path = textKind('an absolute path, starting with /', absolutePath);

/** The path of a file that holds a secret. Problems do not show the value: it may be the secret itself. */
export const secretPath: Kind<string> = {
  expected: path.expected,
  read: (value) => {
    const reading = path.read(value);
    return 'value' in reading ? reading : { problem: `expected ${path.expected}` };
  },
};

export const socketPath: Kind<string> = {
  expected: `${path.expected}, of at most ${SOCKET_PATH_MAX_BYTES} bytes`,
  read: (value) => {
    const reading = path.read(value);
    const problem = 'value' in reading ? socketPathProblem(reading.value) : undefined;
    return problem === undefined ? reading : { problem };
  },
};

export const logDestination = textKind('stderr or an absolute path', (value) =>
  value === 'stderr' ? value : absolutePath(value),
);

const APNS_SERVERS = new Map([
  ['production', 'https://api.push.apple.com:443'],
  ['sandbox', 'https://api.sandbox.push.apple.com:443'],
]);

export const apnsServer = textKind('production, sandbox or https://host:port', (value) => {
  const origin = APNS_SERVERS.get(value) ?? value;
  // No user, path or query: a push's path is /3/device/<token>.
  return /^https:\/\/[^/?#@\\\s]+\/?$/.test(origin) && URL.canParse(origin) ? new URL(origin) : undefined;
});

export const httpAddress = textKind('host:port, [IPv6 address]:port or unix:/path', (value) => {
  if (value.startsWith('unix:/')) return isSocketPath(value.slice('unix:'.length)) ? value : undefined;
  const port = /^(?:\[[0-9a-f:.]+\]|[^\s:/[\]]+):(\d{1,5})$/i.exec(value)?.[1];
  return port !== undefined && Number(port) <= 65_535 ? value : undefined;
});

export function choice<T extends string>(...choices: readonly T[]): Kind<T> {
  const kind: Kind<T> = {
    expected: listed(choices),
    read: (value) => {
      const chosen = choices.find((one) => one === value);
      if (chosen !== undefined) return { value: chosen };
      const meant = typeof value === 'string' ? nearest(value, choices) : undefined;
      return unexpected(kind, value, meant);
    },
  };
  return kind;
}

export function count(range: { min: number; max: number }): Kind<number> {
  const kind: Kind<number> = {
    expected: `a whole number from ${range.min} to ${range.max}`,
    read: (value) =>
      Number.isInteger(value) && inRange(Number(value), range)
        ? { value: Number(value) }
        : unexpected(kind, value),
  };
  return kind;
}

/** A duration in milliseconds; `min` and `max` are in the form of the configuration, such as `24h`. */
export function duration({ min, max }: { min: string; max: string }): Kind<number> {
  const range = { min: parseDuration(min) ?? NaN, max: parseDuration(max) ?? NaN };
  const kind = textKind('a whole number with its unit s, m, h or d, such as 10s', parseDuration);
  return {
    expected: kind.expected,
    read: (value) => {
      const reading = kind.read(value);
      if ('problem' in reading || inRange(reading.value, range)) return reading;
      return { problem: `${shown(value)} is out of range: expected from ${min} to ${max}` };
    },
  };
}

/** Why a socket cannot have this path; undefined where it can. */
export function socketPathProblem(value: string): string | undefined {
  if (isSocketPath(value)) return undefined;
  const bytes = Buffer.byteLength(value);
  return `${shown(value)} has ${bytes} bytes, and a socket's path ${SOCKET_PATH_MAX_BYTES} at most`;
}

/** A kind that is text in YAML; `convert` gives undefined for what is not of the kind. */
function textKind<T>(expected: string, convert: (value: string) => T | undefined): Kind<T> {
  const kind: Kind<T> = {
    expected,
    read: (value) => {
      const converted = typeof value === 'string' && !hasControls(value) ? convert(value) : undefined;
      return converted === undefined ? unexpected(kind, value) : { value: converted };
    },
  };
  return kind;
}

function absolutePath(value: string): string | undefined {
  return value.startsWith('/') ? value : undefined;
}

function isSocketPath(value: string): boolean {
  return Buffer.byteLength(value) <= SOCKET_PATH_MAX_BYTES;
}

function hasControls(value: string): boolean {
  return /[\0-\x1f\x7f-\x9f]/.test(value);
}

function inRange(value: number, { min, max }: { min: number; max: number }): boolean {
  return min <= value && value <= max;
}

function unexpected(kind: Kind<unknown>, value: YamlScalar, meant?: string): { problem: string } {
  const suggestion = meant === undefined ? '' : `; did you mean ${meant}?`;
  return { problem: `expected ${kind.expected}, got ${shown(value)}${suggestion}` };
}

const SHOWN_MAX = 60;

/** The value as a problem names it: text in quotes, so that the number 10 and the text "10" differ. */
function shown(value: YamlScalar): string {
  if (value === null) return 'no value';
  const whole = JSON.stringify(value);
  return whole.length > SHOWN_MAX ? `${whole.slice(0, SHOWN_MAX)}…` : whole;
}

function listed(choices: readonly string[]): string {
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1) ?? ''}`;
}
