/** What is put in for the names of a statement. */
export type Values = Readonly<Record<string, unknown>>;

/** A statement as PostgreSQL takes it, and the names of its numbered parameters. */
interface Statement {
  text: string;
  names: readonly string[];
}

const known = new Map<string, Statement>();

/**
 * Puts values in for `@name`, which stands for the same value wherever it stands. A name that ends with Ms is a time or
 * a duration: beside a small number PostgreSQL would take it for an integer of four bytes.
 */
export function withValues(text: string, values: Values): { text: string; values: unknown[] } {
  const statement = known.get(text) ?? numbered(text);
  known.set(text, statement);
  return { text: statement.text, values: statement.names.map((name) => values[name] ?? null) };
}

function numbered(text: string): Statement {
  const names: string[] = [];
  const replaced = text.replaceAll(/@(\w+)/g, (_, name: string) => {
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}${name.endsWith('Ms') ? '::bigint' : ''}`;
  });
  return { text: replaced, names };
}
