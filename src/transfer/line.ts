import type { Fault } from '../targets/precedence.ts';

/** A line of a file, or a record of several; its place is that of the first, from 1. */
export type Line = { place: number } & ({ text: string } | { fault: Fault });

export function isBlank(line: Line): boolean {
  return 'text' in line && line.text.trim() === '';
}
