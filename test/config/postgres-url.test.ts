import { describe, expect, test } from 'vitest';
import { readPostgresUrl } from '../../src/config/postgres-url.ts';

describe('readPostgresUrl', () => {
  test.each([
    [
      'postgresql://me@db.example.org:5433/mail?sslmode=verify-full&sslrootcert=/ca.pem',
      {
        hosts: [{ host: 'db.example.org', port: 5433 }],
        user: 'me',
        database: 'mail',
        sslmode: 'verify-full',
        sslrootcert: '/ca.pem',
      },
    ],
    [
      'postgres://[::1]/mail',
      { hosts: [{ host: '::1', port: 5432 }], user: undefined, database: 'mail', sslmode: 'prefer' },
    ],
    [
      'postgresql:///mail?user=me',
      { hosts: [{ host: '/var/run/postgresql', port: 5432 }], user: 'me', database: 'mail' },
    ],
    [
      'postgresql://',
      { hosts: [{ host: '/var/run/postgresql', port: 5432 }], user: undefined, database: undefined },
    ],
    [
      'postgresql://me@a:5433,b,[::1]:5434/mail?target_session_attrs=read-write',
      {
        hosts: [
          { host: 'a', port: 5433 },
          { host: 'b', port: 5432 },
          { host: '::1', port: 5434 },
        ],
        user: 'me',
      },
    ],
    [
      'postgresql:///mail?host=%2Frun%2Fpg,b&port=5433',
      {
        hosts: [
          { host: '/run/pg', port: 5433 },
          { host: 'b', port: 5433 },
        ],
      },
    ],
    [
      'postgresql:///mail?host=::1,fe80::1&port=5433,5434',
      {
        hosts: [
          { host: '::1', port: 5433 },
          { host: 'fe80::1', port: 5434 },
        ],
      },
    ],
    ['postgresql:///mail?host=::ffff:10.0.0.5', { hosts: [{ host: '::ffff:10.0.0.5', port: 5432 }] }],
  ])('%s', (url, address) => {
    expect(readPostgresUrl(url)).toMatchObject(address);
  });

  test.each([
    'postgresql://me:secret@db/mail',
    'postgresql://db/mail?password=secret',
    'postgresql://db/mail?sslpassword=secret',
    'postgresql://a,b,/secret?port=0',
    'postgresql://a b/secret',
    'postgresql://a,b,c/secret?port=5432,5433',
    'postgresql://::1/secret',
    'postgresql://a:secret/mail',
    'postgresql://a/mail?target_session_attrs=secret',
    'postgresql://a/mail?passfile=secret',
    'postgresql://db/mail?sslmode=secret',
    'postgresql://db/mail?sslmode=verify-ca',
    'postgresql://db:99999/secret',
    'postgresql://db/%zz?user=secret',
    'postgresql://db/mail?service=mail&servicefile=secret',
  ])('%s is refused, without what it holds', (url) => {
    const read = readPostgresUrl(url);
    expect(read).toHaveProperty('problem');
    expect(JSON.stringify(read)).not.toContain('secret');
  });

  test('a service says what the URL does not', () => {
    const service = { ...{ host: 'db', port: '5433', user: 'me', dbname: 'mail' }, password: 'secret' };
    expect(readPostgresUrl('postgresql://?service=x', service)).toMatchObject({
      ...{ hosts: [{ host: 'db', port: 5433 }], user: 'me', database: 'mail' },
    });
    expect(readPostgresUrl('postgresql://you@other/box?service=x', service)).toMatchObject({
      ...{ hosts: [{ host: 'other', port: 5433 }], user: 'you', database: 'box' },
    });
  });

  test('is held against all of it once the service is known', () => {
    const url = 'postgresql://?service=x&sslmode=verify-full';
    expect(readPostgresUrl(url)).not.toHaveProperty('problem');
    expect(readPostgresUrl(url, { host: 'db' })).toHaveProperty('problem');
    expect(readPostgresUrl(url, { host: 'db', sslrootcert: 'system' })).not.toHaveProperty('problem');
    for (const more of [{ service: 'y' }, { sslcrl: '/secret' }, { target_session_attrs: 'standby' }]) {
      const read = readPostgresUrl('postgresql://?service=x', { host: 'db', ...more });
      expect(read).toHaveProperty('problem');
      expect(JSON.stringify(read)).not.toContain('/secret');
    }
  });
});
