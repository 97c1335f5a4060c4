import type { Finding } from './finding.ts';
import { RULES } from './rules.ts';
import type { Status } from './status.ts';

export interface Verdict {
  state: 'works' | Finding['severity'];
  /** `works`, `works, but …`, or `does not work: …`. */
  text: string;
  /** All that was found, also what the text leaves out because something worse was found. */
  findings: Finding[];
}

/**
 * Is it working? It does not where one thing is broken; it works with a reservation where one deserves attention.
 * What counts is in rules.ts. Pure.
 */
export function verdictOf(status: Status): Verdict {
  const findings = RULES.flatMap((rule) => rule(status) ?? []);
  const textOf = (severity: Finding['severity']): string =>
    findings
      .filter((finding) => finding.severity === severity)
      .map(({ text }) => text)
      .join('; ');
  if (findings.some(({ severity }) => severity === 'broken'))
    return { state: 'broken', text: `does not work: ${textOf('broken')}`, findings };
  if (findings.length > 0) return { state: 'attention', text: `works, but ${textOf('attention')}`, findings };
  return { state: 'works', text: 'works', findings };
}
