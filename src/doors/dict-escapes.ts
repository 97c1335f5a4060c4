/** What a field cannot hold as it is, and what stands for it behind \x01 (str_tabescape of Dovecot's lib). */
const ESCAPES: readonly (readonly [plain: string, letter: string])[] = [
  ['\0', '0'],
  ['\x01', '1'],
  ['\t', 't'],
  ['\r', 'r'],
  ['\n', 'n'],
];

const LETTERS = new Map(ESCAPES);
const PLAIN = new Map(ESCAPES.map(([plain, letter]) => [letter, plain]));

/** Of bytes as Latin-1. */
export function tabEscaped(field: string): string {
  return field.replace(/[\0\x01\t\r\n]/g, (plain) => `\x01${LETTERS.get(plain)}`);
}

/** Undefined where \x01 stands before anything else. */
export function tabUnescaped(field: string): string | undefined {
  if (/\x01(?![01trn])/.test(field)) return undefined;
  return field.replace(/\x01(.)/g, (_, letter: string) => PLAIN.get(letter) ?? '');
}
