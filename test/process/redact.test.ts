import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redactAccountId, redacted, redactToken } from '../../src/process/redact.ts';

const TOKEN = `80aa34cb${'0'.repeat(52)}4f3a`;
const ACCOUNT = 'E8B6AF0C-1111-2222-3333-444455556666';

describe('redaction', () => {
  test('shows the ends of a token and the beginning of an account id', () => {
    expect(redactToken(TOKEN)).toBe('80aa34cb…4f3a');
    expect(redactAccountId(ACCOUNT)).toBe('E8B6AF0C…');
  });

  test('shows less of what is short', () => {
    expect(redactToken('0123456789abcdef')).toBe('0123…ef');
    expect(redactToken('abcd')).toBe('a…');
    expect(redactToken('abc')).toBe('…');
    expect(redactToken('')).toBe('…');
  });

  test('shows three eighths at most, and 12 characters at most', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('…')),
        (token) => {
          const shown = redactToken(token).length - 1;
          expect(shown).toBeLessThanOrEqual(Math.min(12, (token.length * 3) / 8));
          expect(redactAccountId(token).length - 1).toBeLessThanOrEqual(Math.min(8, token.length / 4));
        },
      ),
    );
  });

  test('leaves alone what it has redacted already', () => {
    fc.assert(
      fc.property(fc.string(), (token) => {
        expect(redactToken(redactToken(token))).toBe(redactToken(token));
        expect(redactAccountId(redactAccountId(token))).toBe(redactAccountId(token));
      }),
    );
  });
});

test('what is secret among the fields of a log line is redacted, in lists too', () => {
  const fields = {
    user: 'alice',
    deviceToken: [TOKEN, TOKEN],
    accountId: ACCOUNT,
    passphrase: 'p',
    key: 'k',
    n: 1,
  };
  expect(redacted(fields)).toEqual({
    user: 'alice',
    deviceToken: ['80aa34cb…4f3a', '80aa34cb…4f3a'],
    accountId: 'E8B6AF0C…',
    passphrase: '[redacted]',
    key: '[redacted]',
    n: 1,
  });
});
