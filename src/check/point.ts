/** `skipped`: cannot be judged, because something before it failed. */
export type PointState = 'ok' | 'warning' | 'problem' | 'skipped';

/** One point of the set-up and what is to be said of it. */
export interface Point {
  /** Its name, the same in every run, for those who monitor it. */
  point: string;
  state: PointState;
  /** What was found, on one line. */
  text: string;
  /** What to do about it; null where there is nothing to do. */
  fix: string | null;
}

export function ok(point: string, text: string): Point {
  return { point, state: 'ok', text, fix: null };
}

/** Pushes may come all the same, or soon will not. */
export function warning(point: string, text: string, fix: string): Point {
  return { point, state: 'warning', text, fix };
}

/** As it is, something that belongs to Mail push does not work. */
export function problem(point: string, text: string, fix: string): Point {
  return { point, state: 'problem', text, fix };
}

/** `because` names the point that has to be fixed first. */
export function skipped(point: string, because: string): Point {
  return { point, state: 'skipped', text: `needs first: ${because}`, fix: null };
}

/** The same for several points. */
export function skippedAll(points: readonly string[], because: string): Point[] {
  return points.map((point) => skipped(point, because));
}

/** The name of a point that there is for each credential. */
export function numbered(point: string, index: number): string {
  return index === 0 ? point : `${point} ${index + 1}`;
}
