/** The candidate that `word` was probably meant to be; undefined where none is close. Case and `_` count for nothing. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const meant = plain(word);
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(meant, plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  // Two of five letters may be wrong: exchanged neighbours count twice, and short words must not match at random.
  return best !== undefined && best.distance <= best.candidate.length * 0.4 ? best.candidate : undefined;
}

const WORD_MAX = 64;

function plain(word: string): string {
  return word.slice(0, WORD_MAX).toLowerCase().replace(/[-_]/g, '');
}

/** Levenshtein: how many letters must be put in, left out or exchanged. */
function editDistance(from: string, to: string): number {
  const letters = Array.from(to);
  let row = [0, ...letters.map((_, index) => index + 1)];
  for (const [i, letter] of Array.from(from).entries()) {
    const next = [i + 1];
    for (const [j, other] of letters.entries()) {
      const exchanged = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(exchanged, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
