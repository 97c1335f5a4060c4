import { describe, expect, test } from 'vitest';
import { differenceOf, editionOf } from '../../src/config/edition.ts';
import { readConfig } from '../../src/config/read.ts';
import { parseYaml } from '../../src/config/yaml.ts';

function editionIn(text: string, file = '/a.yaml'): string {
  const reading = readConfig(parseYaml(text).root, file);
  if (!('config' in reading)) throw new Error('no configuration');
  return editionOf(reading.config);
}

describe('an edition', () => {
  test('can end the name of a file', () => {
    expect(editionIn('')).toMatch(/^[0-9a-f]{12}\.source$/);
  });

  test.each([
    ['comments and order', 'store: /b.db\nspool: /c', '# a comment\nspool: "/c"\nstore: /b.db'],
    ['a default that is written down', '', 'delivery: { linger: 10s }'],
    ['the doors of serve', '', 'serve: { http: "127.0.0.1:1234" }'],
  ])('is the same whatever %s', (_what, one, other) => {
    expect(editionIn(one)).toBe(editionIn(other, '/b.yaml'));
  });

  test.each([
    ['the server', 'apns: { server: "https://other.example:443" }'],
    ['the certificate', 'apns: { certificate: /a.pem }'],
    ['the store', 'store: /other.db'],
    ['a duration', 'delivery: { expiry: 1h }'],
    ['the scope of an event', 'events: { MessageNew: inbox }'],
  ])('is another with %s', (_what, text) => {
    expect(editionIn(text)).not.toBe(editionIn(''));
    expect(differenceOf(editionIn(text), editionIn(''))).toBe('configuration');
  });
});

test('the same configuration under another program differs by the program', () => {
  expect(differenceOf('0123.a', '0123.b')).toBe('program');
});
