import type { ApnsConnection } from '../apns/client.ts';
import { createLine, type Line } from './line.ts';

/**
 * As one line, up to `count` connections. A further one is made when all before are full and have each brought an
 * answer: one that fails is never tried beside another that does.
 */
export function createLines(count: number, connect: (timeoutMs: number) => Promise<ApnsConnection>): Line {
  const [first = createLine(connect), ...others] = Array.from({ length: count }, () => createLine(connect));
  return others.length === 0 ? first : joined([first, ...others]);
}

function joined(lines: readonly [Line, ...Line[]]): Line {
  const sum = (of: (line: Line) => number): number =>
    usable(lines).reduce((total, line) => total + of(line), 0);
  return {
    push: (push, timeoutMs) => withRoom(usable(lines)).push(push, timeoutMs),
    get capacity() {
      return sum(({ capacity }) => capacity);
    },
    get underWay() {
      return sum(({ underWay }) => underWay);
    },
    get connected() {
      return lines.some(({ connected }) => connected);
    },
    get proven() {
      return lines.some(({ proven }) => proven);
    },
    close: async () => {
      await Promise.all(lines.map((line) => line.close()));
    },
  };
}

/** Those that have brought an answer, in their order, and one that has not. */
function usable(lines: readonly Line[]): Line[] {
  const proven = lines.filter((line) => line.proven);
  const next = lines.find((line) => !line.proven);
  return next === undefined ? proven : [...proven, next];
}

/** The first with a free stream; where none has, pushes wait at the emptiest. */
function withRoom([first, ...others]: readonly Line[]): Line {
  if (first === undefined) throw new Error('a line was expected');
  const free = [first, ...others].find(({ underWay, capacity }) => underWay < capacity);
  return free ?? others.reduce((one, other) => (other.underWay < one.underWay ? other : one), first);
}
