import { describe, expect, it } from 'vitest';
import { modeFor, toolsAvailability } from './needs.ts';

describe('a test that needs something of the host', () => {
  const absent = { available: false, why: 'none', install: 'apt-get' } as const;
  it.each([
    { availability: { available: true } as const, ci: undefined, mode: 'run' },
    { availability: { available: true } as const, ci: 'true', mode: 'run' },
    { availability: absent, ci: undefined, mode: 'skip' },
    { availability: absent, ci: '', mode: 'skip' },
    { availability: absent, ci: 'false', mode: 'skip' },
    { availability: absent, ci: 'true', mode: 'fail' },
    { availability: absent, ci: '1', mode: 'fail' },
  ])('is $mode where that is $availability and CI is $ci', ({ availability, ci, mode }) => {
    expect(modeFor(availability, ci)).toBe(mode);
  });

  it('programs that are missing have the line that installs them', () => {
    expect(toolsAvailability({ sh: 'dash' })).toEqual({ available: true });
    expect(
      toolsAvailability({ sh: 'dash', 'no-such-a': 'some', 'no-such-b': 'some', 'no-such-c': 'other' }),
    ).toEqual({
      available: false,
      why: 'there is no no-such-a and no no-such-b and no no-such-c',
      install: 'apt-get install -y --no-install-recommends some other',
    });
  });
});
