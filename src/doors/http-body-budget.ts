/** What one unfinished body holds of the memory for all. */
export interface BodyShare {
  /** Whether it may hold so many bytes now, in all. */
  hold(bytes: number): boolean;
  /** Gives everything back. */
  release(): void;
}

export interface BodyBudget {
  /** `lose` is called when it has to make room; its share is gone then. */
  open(lose: () => void): BodyShare;
}

/**
 * The first bytes of each body are outside the budget, which the number of connections bounds by itself: Dovecot's
 * requests have two kilobytes, so that nobody's large bodies keep an ordinary event out.
 */
export const FREE_BYTES = 16 * 1024;

/** For all bodies that are longer: thirty-two of the largest at once, and a tenth of what a small host has. */
export const BUDGET_BYTES = 32 * 1024 * 1024;

/** A client that means it has sent a mebibyte well before; over the loopback it takes some milliseconds. */
const FAIR_MS = 1000;

interface Holder {
  openedMs: number;
  bytes: number;
  lose: () => void;
}

/**
 * A bound on what all unfinished bodies hold together. Where it is reached, the one that has been unfinished for longest
 * makes room, if it had its fair time; if none has, the newcomer gets nothing. `nowMs` never goes back.
 */
export function createBodyBudget(maxBytes = BUDGET_BYTES, nowMs = () => performance.now()): BodyBudget {
  const holders = new Set<Holder>(); // the oldest first
  let heldBytes = 0;
  const release = (holder: Holder): void => {
    if (holders.delete(holder)) heldBytes -= holder.bytes;
  };
  const makeRoom = (bytes: number, asking: Holder): boolean => {
    for (const holder of holders) {
      if (heldBytes + bytes <= maxBytes) break;
      if (holder === asking || holder.bytes === 0) continue;
      if (nowMs() - holder.openedMs < FAIR_MS) break; // those behind it are younger
      release(holder);
      holder.lose();
    }
    return heldBytes + bytes <= maxBytes;
  };
  return {
    open: (lose) => {
      const holder: Holder = { openedMs: nowMs(), bytes: 0, lose };
      holders.add(holder);
      return {
        hold: (wholeBytes) => {
          const more = Math.max(0, wholeBytes - FREE_BYTES) - holder.bytes;
          if (!holders.has(holder) || (more > 0 && !makeRoom(more, holder))) return false;
          holder.bytes += more;
          heldBytes += more;
          return true;
        },
        release: () => release(holder),
      };
    },
  };
}
