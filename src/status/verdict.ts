import type { OperatorError } from '../process/errors.ts';
import { broken, type Finding } from './finding.ts';
import { RULES } from './rules.ts';
import type { Status } from './status.ts';

export interface Verdict {
  state: 'works' | Finding['severity'];
  /** `works`, `works, but …; fix: …`, or `does not work: …; fix: …`. */
  text: string;
  /** All that was found, also what the text leaves out because something worse was found. */
  findings: Finding[];
}

/**
 * Is it working? It does not where one thing is broken; it works with a reservation where one deserves attention.
 * What counts is in rules.ts, and what keeps mail from coming in at all is in obstacles.ts. Pure.
 */
export function verdictOf(status: Status): Verdict {
  const findings = [...status.obstacles, ...RULES.flatMap((rule) => rule(status) ?? [])];
  const worst = findings.filter(({ severity }) => severity === 'broken');
  if (worst.length > 0) return doesNotWork(worst, findings);
  if (findings.length > 0) return { state: 'attention', text: `works, but ${textOf(findings)}`, findings };
  return { state: 'works', text: 'works', findings };
}

/** The verdict where the store cannot be used, so that no more is known. */
export function verdictOfTrouble({ message, hint }: OperatorError): Verdict {
  const findings = [broken(message, hint)];
  return doesNotWork(findings, findings);
}

function doesNotWork(worst: readonly Finding[], findings: Finding[]): Verdict {
  return { state: 'broken', text: `does not work: ${textOf(worst)}`, findings };
}

function textOf(findings: readonly Finding[]): string {
  const texts = findings.map(({ text }) => text).join('; ');
  const fixes = [...new Set(findings.flatMap(({ fix }) => fix ?? []))];
  return fixes.length === 0 ? texts : `${texts}; fix: ${fixes.join('; ')}`;
}
