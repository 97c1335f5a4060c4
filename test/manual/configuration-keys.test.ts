import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configurationKeys } from '../../src/manual/configuration-keys.ts';

const EXAMPLE = readFileSync('examples/config.yaml', 'utf8');
const KEYS = configurationKeys(EXAMPLE);

describe('keys of the configuration', () => {
  test('stand in order, each with what is expected and its default', () => {
    expect(KEYS.slice(0, 2).map(({ key }) => key)).toEqual(['apns', 'apns.server']);
    expect(KEYS.find(({ key }) => key === 'delivery')).not.toHaveProperty('expected');
    expect(KEYS.find(({ key }) => key === 'delivery.linger')).toEqual({
      key: 'delivery.linger',
      about: 'How long the background process waits for more events before it ends, 0s to 24d.',
      expected: 'a whole number with its unit s, m, h or d, such as 10s',
      byDefault: '10s',
    });
  });

  test.each(KEYS)('$key is told in words', ({ about }) => {
    expect(about).toMatch(/^\S.*\.$/);
  });

  test('take the comment right above them, and no other', () => {
    const about = (text: string, key: string): string | undefined =>
      configurationKeys(text).find((entry) => entry.key === key)?.about;
    expect(about('# One.\n# Two.\n#store: x\n', 'store')).toBe('One. Two.');
    expect(about('# Of something else.\n\n#store: x\n', 'store')).toBe('');
    expect(about('# One.\nlog:\n  #level: info\n', 'log.level')).toBe('');
    expect(
      about('# A.\napns:\n  # B.\n  token:\n    # C.\n    #key: x\n  # D.\n  #key: y\n', 'apns.key'),
    ).toBe('D.');
    expect(about('# A.\napns:\n  token:\n    # C.\n    #key: x\n', 'apns.token.key')).toBe('C.');
  });
});
