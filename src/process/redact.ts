/** Values by the name of what they are in a log line; what is secret among them is never written whole. */
export type LogFields = Record<string, string | number | boolean | undefined | string[]>;

/** How each secret is shown that a log line may name. */
const REDACTORS = new Map<string, (value: string) => string>([
  ['deviceToken', redactToken],
  ['accountId', redactAccountId],
  ['passphrase', () => '[redacted]'],
  ['key', () => '[redacted]'],
]);

export function redacted(fields: LogFields): LogFields {
  const entries = Object.entries(fields).map(([name, value]) => {
    const redact = REDACTORS.get(name);
    if (redact === undefined || value === undefined) return [name, value] as const;
    return [name, Array.isArray(value) ? value.map(redact) : redact(String(value))] as const;
  });
  return Object.fromEntries(entries);
}

/** Enough of a device token to tell two apart: the first 8 and last 4 characters at most. */
export function redactToken(token: string): string {
  return shortened(token, 8, 4);
}

/** Enough of an account id to tell two apart: the first 8 characters at most. */
export function redactAccountId(id: string): string {
  return shortened(id, 8, 0);
}

/** Shows three eighths of `secret` at most; a value that is already short for one stays as it is. */
function shortened(secret: string, headMax: number, tailMax: number): string {
  const [head = '', tail = '', ...rest] = secret.split('…');
  const isShortened = secret.includes('…') && rest.length === 0;
  if (isShortened && head.length <= headMax && tail.length <= tailMax) return secret;
  const headLength = Math.min(headMax, Math.floor(secret.length / 4));
  const tailLength = Math.min(tailMax, Math.floor(secret.length / 8));
  return `${secret.slice(0, headLength)}…${secret.slice(secret.length - tailLength)}`;
}
