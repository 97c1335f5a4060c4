import { describe, expect, it } from 'vitest';
import { suiteMode } from './cyrus-suite.ts';

describe('a suite that needs Cyrus', () => {
  const absent = { available: false, why: 'none', install: 'apt-get' } as const;
  it.each([
    { availability: { available: true } as const, ci: undefined, mode: 'run' },
    { availability: { available: true } as const, ci: 'true', mode: 'run' },
    { availability: absent, ci: undefined, mode: 'skip' },
    { availability: absent, ci: '', mode: 'skip' },
    { availability: absent, ci: 'true', mode: 'fail' },
    { availability: absent, ci: '1', mode: 'fail' },
  ])('is $mode where Cyrus is $availability and CI is $ci', ({ availability, ci, mode }) => {
    expect(suiteMode(availability, ci)).toBe(mode);
  });
});
