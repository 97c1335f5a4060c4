/** Prose of the manual for Markdown, in which `…` stands for what is typed as well: what Markdown would read is escaped. */
export function prose(text: string): string {
  return text
    .trim()
    .split('`')
    .map((part, index) => (index % 2 === 0 ? part.replace(/[\\*<>|[\]]|(?<!\w)_|_(?!\w)/g, '\\$&') : part))
    .join('`');
}

export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
