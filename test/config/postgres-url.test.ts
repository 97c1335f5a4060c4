import { describe, expect, test } from 'vitest';
import { readPostgresUrl } from '../../src/config/postgres-url.ts';

describe('readPostgresUrl', () => {
  test.each([
    [
      'postgresql://me@db.example.org:5433/mail?sslmode=verify-full&sslrootcert=/ca.pem',
      {
        host: 'db.example.org',
        port: 5433,
        user: 'me',
        database: 'mail',
        sslmode: 'verify-full',
        sslrootcert: '/ca.pem',
      },
    ],
    [
      'postgres://[::1]/mail',
      { host: '::1', port: 5432, user: undefined, database: 'mail', sslmode: 'prefer' },
    ],
    ['postgresql:///mail?user=me', { host: '/var/run/postgresql', user: 'me', database: 'mail' }],
    ['postgresql://', { host: '/var/run/postgresql', user: undefined, database: undefined }],
  ])('%s', (url, address) => {
    expect(readPostgresUrl(url)).toMatchObject(address);
  });

  test.each([
    'postgresql://me:secret@db/mail',
    'postgresql://db/mail?password=secret',
    'postgresql://db/mail?sslpassword=secret',
    'postgresql://a,b/secret',
    'postgresql://db/mail?sslmode=secret',
    'postgresql://db/mail?sslmode=verify-ca',
    'postgresql://db:99999/secret',
    'postgresql://db/%zz?user=secret',
    'postgresql://db/mail?service=secret',
  ])('%s is refused, without what it holds', (url) => {
    const read = readPostgresUrl(url);
    expect(read).toHaveProperty('problem');
    expect(JSON.stringify(read)).not.toContain('secret');
  });
});
