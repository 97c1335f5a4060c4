import { safeParse } from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  apnsServer,
  choice,
  count,
  duration,
  flag,
  httpAddress,
  httpProxy,
  type Kind,
  logDestination,
  path,
  secretPath,
  socketPath,
  text,
} from '../../src/config/kinds.ts';
import { SOCKET_PATH_MAX_BYTES } from '../../src/config/socket-path.ts';
import type { YamlScalar } from '../../src/config/yaml.ts';

function read<T>(kind: Kind<T>, value: unknown): { value: T } | { problem: string } {
  const { success, output, issues } = safeParse(kind, value, { abortPipeEarly: true });
  return success ? { value: output } : { problem: issues.map(({ message }) => message).join() };
}

const good = <T>(kind: Kind<T>, value: YamlScalar, want: T): void => {
  it(`takes ${JSON.stringify(value)}`, () => {
    expect(read(kind, value)).toEqual({ value: want });
  });
};

const bad = (kind: Kind<unknown>, value: YamlScalar, why: string): void => {
  it(`refuses ${JSON.stringify(value)}`, () => {
    expect(read(kind, value)).toEqual({ problem: why });
  });
};

describe('flag', () => {
  good(flag, true, true);
  good(flag, false, false);
  bad(flag, 'yes', 'expected true or false, got "yes"');
  bad(flag, 1, 'expected true or false, got 1');
  bad(flag, null, 'expected true or false, got no value');
});

describe('text', () => {
  good(text, 'ABC', 'ABC');
  bad(text, '', 'expected text, got ""');
  bad(text, 1234567890, 'expected text, got 1234567890');
  bad(text, 'a\nb', String.raw`expected text, got "a\nb"`);
  bad(text, `\0${'x'.repeat(100)}`, String.raw`expected text, got "\u0000${'x'.repeat(53)}…`);
});

describe('path', () => {
  good(path, '/var/lib/x', '/var/lib/x');
  bad(path, 'var/lib', 'expected an absolute path, starting with /, got "var/lib"');
  bad(path, '~/x', 'expected an absolute path, starting with /, got "~/x"');
  bad(path, '/a\0b', String.raw`expected an absolute path, starting with /, got "/a\u0000b"`);
  bad(path, true, 'expected an absolute path, starting with /, got true');
});

describe('secretPath', () => {
  good(secretPath, '/etc/x.pem', '/etc/x.pem');
  bad(secretPath, 'correct horse', 'expected an absolute path, starting with /');
});

describe('socketPath', () => {
  const longest = `/${'ä'.repeat(53)}`;
  good(socketPath, longest, longest);
  bad(socketPath, 'x.sock', 'expected an absolute path, starting with /, got "x.sock"');
  it('counts bytes', () => {
    expect(Buffer.byteLength(longest)).toBe(SOCKET_PATH_MAX_BYTES);
    expect(read(socketPath, `${longest}x`)).toEqual({
      problem: expect.stringMatching(/ has 108 bytes, and a socket's path 107 at most$/) as string,
    });
  });
});

describe('logDestination', () => {
  good(logDestination, 'stderr', 'stderr');
  good(logDestination, '/var/log/x.log', '/var/log/x.log');
  bad(logDestination, 'stdout', 'expected stderr or an absolute path, got "stdout"');
});

describe('apnsServer', () => {
  good(apnsServer, 'production', new URL('https://api.push.apple.com:443'));
  good(apnsServer, 'sandbox', new URL('https://api.sandbox.push.apple.com:443'));
  good(apnsServer, 'https://localhost:2197', new URL('https://localhost:2197'));
  good(apnsServer, 'https://[::1]:2197/', new URL('https://[::1]:2197'));
  const why = 'expected production, sandbox or https://host:port, got ';
  bad(apnsServer, 'http://localhost:80', `${why}"http://localhost:80"`);
  bad(apnsServer, 'api.push.apple.com', `${why}"api.push.apple.com"`);
  bad(apnsServer, 'https://h/3/device', `${why}"https://h/3/device"`);
  bad(apnsServer, 'https://u@h', `${why}"https://u@h"`);
  bad(apnsServer, 'https://h?q', `${why}"https://h?q"`);
  bad(apnsServer, 'https://h:99999', `${why}"https://h:99999"`);
  bad(apnsServer, 'constructor', `${why}"constructor"`);
});

describe('httpAddress', () => {
  for (const value of ['[::1]:11619', '127.0.0.1:0', 'localhost:65535', 'unix:/run/x.sock']) {
    good(httpAddress, value, value);
  }
  const why = 'expected host:port, [IPv6 address]:port or unix:/path, got ';
  for (const value of ['localhost', ':80', '::1:80', 'h:65536', 'h:', 'http://h:80', 'unix:run', 'a b:1']) {
    bad(httpAddress, value, `${why}"${value}"`);
  }
  bad(httpAddress, 11619, `${why}11619`);
  it('refuses a socket whose path is too long', () => {
    expect(read(httpAddress, `unix:/${'x'.repeat(107)}`)).toHaveProperty('problem');
  });
});

describe('choice', () => {
  const scope = choice('subscribed', 'inbox', 'off');
  good(scope, 'off', 'off');
  bad(scope, false, 'expected subscribed, inbox or off, got false');
  bad(scope, 'INBOX', 'expected subscribed, inbox or off, got "INBOX"; did you mean inbox?');
  bad(scope, 'all', 'expected subscribed, inbox or off, got "all"');
});

describe('count', () => {
  const few = count({ min: 1, max: 3 });
  good(few, 1, 1);
  good(few, 3, 3);
  for (const value of [0, 4, 1.5, Infinity, NaN]) {
    it(`refuses ${value}`, () => {
      expect(read(few, value)).toHaveProperty('problem');
    });
  }
  bad(few, 4, 'expected a whole number from 1 to 3, got 4');
  bad(few, '2', 'expected a whole number from 1 to 3, got "2"');
  bad(few, null, 'expected a whole number from 1 to 3, got no value');
});

describe('duration', () => {
  const wait = duration({ min: '1s', max: '24d' });
  const why = 'expected a whole number with its unit s, m, h or d, such as 10s, got ';
  good(wait, '1s', 1_000);
  good(wait, '24d', 2_073_600_000);
  bad(wait, 10, `${why}10`);
  bad(wait, '10 s', `${why}"10 s"`);
  bad(wait, '10sec', `${why}"10sec"`);
  bad(wait, '0s', '"0s" is out of range: expected from 1s to 24d');
  bad(wait, '25d', '"25d" is out of range: expected from 1s to 24d');
});

describe('httpProxy', () => {
  for (const value of [
    'http://proxy.example.org:3128',
    'http://proxy.example.org:80/',
    'http://10.0.0.1:8080',
    'http://[2001:db8::1]:3128',
  ])
    good(httpProxy, value, value);
  for (const value of [
    ...['proxy.example.org:3128', 'http://proxy.example.org', 'http://proxy:65536', 'http://:3128', ''],
    ...['http://proxy:3128/path', 'http://proxy:3128?x', 'http://pro xy:3128', 'socks5://proxy:1080', 3128],
  ])
    bad(httpProxy, value, 'expected http://host:port');
  bad(
    httpProxy,
    'https://proxy.example.org:3129',
    'expected http://host:port, and no TLS with the proxy itself; that with Apple goes through it untouched',
  );
  for (const scheme of ['http', 'https'])
    bad(
      httpProxy,
      `${scheme}://alice:secret@proxy.example.org:3128`,
      'expected http://host:port; name and password stand in apns.proxy_password_file',
    );
});
