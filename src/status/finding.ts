import type { Status } from './status.ts';

/** Something that keeps pushes from phones, or that deserves attention before it does. */
export interface Finding {
  severity: 'broken' | 'attention';
  text: string;
  /** What to do about it; null where `xapplepush check` knows more. */
  fix: string | null;
}

/** Looks at one thing; undefined where it is well. Pure. */
export type Rule = (status: Status) => Finding | undefined;

export function broken(text: string, fix: string | null = null): Finding {
  return { severity: 'broken', text, fix };
}

export function attention(text: string, fix: string | null = null): Finding {
  return { severity: 'attention', text, fix };
}
