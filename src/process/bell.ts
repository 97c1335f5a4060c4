/** Wakes somebody who waits; a ring before the wait is not lost. */
export interface Bell {
  /** Aborts at the first ring since the latest reset. */
  readonly signal: AbortSignal;
  ring(): void;
  reset(): void;
}

/** Given so that no ring makes an Error, with its stack, of its own. */
const RUNG = 'rung';

/** `ending` rings it for good. (AbortSignal.any, asked again and again, would keep every answer alive with it.) */
export function createBell(ending?: AbortSignal): Bell {
  let controller = new AbortController();
  ending?.addEventListener('abort', () => controller.abort(RUNG));
  if (ending?.aborted === true) controller.abort(RUNG);
  return {
    get signal() {
      return controller.signal;
    },
    ring: () => {
      controller.abort(RUNG);
    },
    reset: () => {
      if (controller.signal.aborted && ending?.aborted !== true) controller = new AbortController();
    },
  };
}
