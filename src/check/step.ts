import { messageOf } from '../process/errors.ts';
import { ok, type Point, problem } from './point.ts';

/** One step of the way to a server; each needs the one before. */
export interface Step {
  point: string;
  /** Whom it leads to. */
  to: string;
  /** Gives what was found; throws an Error that says why it does not work, with a `hint` where it knows what to do. */
  go: () => Promise<string>;
  fix: string;
}

/** Stops at the first that fails. */
export async function takeSteps(steps: readonly Step[]): Promise<Point[]> {
  const points: Point[] = [];
  for (const { point, to, go, fix } of steps) {
    try {
      points.push(ok(point, await go()));
    } catch (error) {
      return [...points, problem(point, `${to}: ${messageOf(error)}`, hintOf(error) ?? fix)];
    }
  }
  return points;
}

function hintOf(error: unknown): string | undefined {
  return error instanceof Error && 'hint' in error ? String(error.hint) : undefined;
}
