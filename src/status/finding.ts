import type { Status } from './status.ts';

/** Something that keeps pushes from phones, or that deserves attention before it does. */
export interface Finding {
  severity: 'broken' | 'attention';
  text: string;
}

/** Looks at one thing; undefined where it is well. Pure. */
export type Rule = (status: Status) => Finding | undefined;

export function broken(text: string): Finding {
  return { severity: 'broken', text };
}

export function attention(text: string): Finding {
  return { severity: 'attention', text };
}
