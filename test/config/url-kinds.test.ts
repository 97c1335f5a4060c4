import { safeParse } from 'valibot';
import { describe, expect, test } from 'vitest';
import { contact, serviceUrl } from '../../src/config/url-kinds.ts';

function read(kind: typeof contact | typeof serviceUrl, value: unknown): string | undefined {
  const { success, output } = safeParse(kind, value, { abortPipeEarly: true });
  return success ? output : undefined;
}

describe('the URL of a service', () => {
  test.each([
    ['https://notifications.delta.chat/notify', 'https://notifications.delta.chat/notify'],
    ['https://example.org', 'https://example.org/'],
    ['https://10.0.0.1:8443/a?b=c', 'https://10.0.0.1:8443/a?b=c'],
    ['http://127.0.0.1:8080/x', 'http://127.0.0.1:8080/x'],
    ['http://[::1]/x', 'http://[::1]/x'],
    ['http://localhost/', 'http://localhost/'],
  ])('%s is one', (value, want) => {
    expect(read(serviceUrl, value)).toBe(want);
  });

  test.each([
    'http://example.org/',
    'http://10.0.0.1/',
    'http://localhost.example.org/',
    'http://127.0.0.1.example.org/',
    'https://alice:secret@example.org/',
    'https://alice@example.org/',
    'https://example.org/#a',
    'https://exa mple.org/',
    'https://',
    'ftp://example.org/',
    'example.org',
    '',
    7,
  ])('%s is none', (value) => {
    expect(read(serviceUrl, value)).toBeUndefined();
  });
});

describe('whom to ask', () => {
  test.each(['mailto:postmaster@example.org', 'https://example.org/contact'])('%s is one', (value) => {
    expect(read(contact, value)).toBe(value);
  });

  test.each([
    'postmaster@example.org',
    'mailto:',
    'mailto:Postmaster <p@example.org>',
    'http://example.org',
    7,
  ])('%s is nobody', (value) => {
    expect(read(contact, value)).toBeUndefined();
  });
});
