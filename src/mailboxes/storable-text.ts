/** Can the text be stored and compared byte by byte? Not with NUL, nor with half of a surrogate pair (no UTF-8). */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
