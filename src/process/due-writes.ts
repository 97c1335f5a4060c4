/** What gathers lines for a moment, and must not keep them when the process ends. */
export const dueWrites = new Set<() => void>();

process.on('exit', writeWhatIsDue);

/** Writes down what waits; each takes itself from the set. */
export function writeWhatIsDue(): void {
  for (const write of dueWrites) write();
}
