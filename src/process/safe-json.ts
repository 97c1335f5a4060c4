const PLAIN = /^[\n\x20-\x7e]*$/;

/** Characters that JSON.stringify leaves raw and `visible` in text.ts escapes. */
const RAW = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * JSON whose strings hold no control, format (such as those that turn the direction) or line-separating character raw:
 * it may be shown on a terminal, and means the same to whoever parses it.
 */
export function safeJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent);
  if (PLAIN.test(text)) return text; // nearly always; the other expression takes V8 half a millisecond
  return text.replace(RAW, (character) =>
    Array.from({ length: character.length }, (_, index) => escapeOf(character.charCodeAt(index))).join(''),
  );
}

function escapeOf(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
