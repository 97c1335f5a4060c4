import { describe, expect, test } from 'vitest';
import { placeOf } from '../../src/doors/http-address.ts';
import { ExitCode } from '../../src/process/errors.ts';

describe('without a password', () => {
  test.each([
    ['127.0.0.1:11619', { host: '127.0.0.1', port: 11619 }],
    ['127.255.0.9:1', { host: '127.255.0.9', port: 1 }],
    ['[::1]:11619', { host: '::1', port: 11619 }],
    ['[0:0:0:0:0:0:0:1]:11619', { host: '0:0:0:0:0:0:0:1', port: 11619 }],
    ['[::ffff:127.0.0.1]:80', { host: '::ffff:127.0.0.1', port: 80 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['unix:/run/xapplepush/http.sock', { path: '/run/xapplepush/http.sock' }],
  ])('%s', (listen, place) => {
    expect(placeOf(listen, false)).toEqual(place);
  });
});

describe('only with a password', () => {
  test.each([
    '0.0.0.0:11619',
    '[::]:11619',
    '[::ffff:10.0.0.1]:11619',
    '10.0.0.1:11619',
    '128.0.0.1:11619',
    '[2001:db8::1]:11619',
    'mail.example.org:11619',
    'localhost.example.org:11619',
    '2130706433:11619', // 127.0.0.1 for some, a name for others
  ])('%s', (listen) => {
    const expected = expect.objectContaining({
      exitCode: ExitCode.configuration,
      message: expect.stringContaining(listen) as string,
      hint: expect.stringContaining('password') as string,
    }) as Error;
    expect(() => placeOf(listen, false)).toThrow(expected);
    expect(placeOf(listen, true)).toHaveProperty('port', 11619);
  });
});

describe('no address', () => {
  test.each(['', '11619', 'localhost', '::1:11619', '[::1]', 'unix:run/x', 'localhost:65536', 'a b:1'])(
    '%j',
    (listen) => {
      const expected = expect.objectContaining({ exitCode: ExitCode.configuration }) as Error;
      expect(() => placeOf(listen, true)).toThrow(expected);
    },
  );
});
