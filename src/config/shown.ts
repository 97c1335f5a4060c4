const SHOWN_MAX = 60;

/** The value as a problem names it: text in quotes, so that the number 10 and the text "10" differ. */
export function shown(value: unknown): string {
  if (value === null) return 'no value';
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'keys with values';
  const whole = JSON.stringify(value);
  return whole.length > SHOWN_MAX ? `${whole.slice(0, SHOWN_MAX)}…` : whole;
}
