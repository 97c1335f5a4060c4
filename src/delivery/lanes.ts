import type { Clock } from '../process/clock.ts';

/** What a lane is told of an attempt: whether whoever is asked there works. */
export type LaneNews = 'works' | 'fails' | 'nothing';

export interface LanesOptions<Item, Result> {
  /** Which of them share the patience of one server, and the width of one group. */
  laneOf: (item: Item) => { group: string; lane: string };
  clock: Pick<Clock, 'steadyMs'>;
  /** Never rejects. */
  start: (item: Item) => Promise<{ result: Result; news: LaneNews }>;
  /** What an item ends with that is not started, since its lane rests for so long. */
  held: (item: Item, restMs: number) => Result;
  onEnd: (result: Result) => void;
}

/** Under way at once, to one server and of one group. */
export const LANE_WIDTH = 16;
export const GROUP_WIDTH = 64;

/** So many failures in a row are the server's and not those of single items; then it rests. */
export const FAILURES_TO_REST = 3;
export const REST_MS = 30_000;

/** Strangers name servers as they like: of more of them, those are forgotten that nothing waits for. */
const MOST_IDLE = 1000;

interface Lane<Item> {
  name: string;
  group: string;
  queue: Item[];
  underWay: number;
  failures: number;
  restUntilMs: number;
}

/** What is sent at once, in lanes of their own: one server that hangs holds up nobody else. */
export class Lanes<Item, Result> {
  readonly #options: LanesOptions<Item, Result>;
  readonly #lanes = new Map<string, Lane<Item>>();
  /** Under way of each group. */
  readonly #groups = new Map<string, number>();

  constructor(options: LanesOptions<Item, Result>) {
    this.#options = options;
  }

  get underWay(): number {
    return [...this.#groups.values()].reduce((sum, count) => sum + count, 0);
  }

  get waiting(): number {
    return [...this.#lanes.values()].reduce((sum, { queue }) => sum + queue.length, 0);
  }

  put(items: readonly Item[]): void {
    if (this.#lanes.size > MOST_IDLE) forgetIdle(this.#lanes, this.#options.clock.steadyMs());
    for (const item of items) {
      const { group, lane: name } = this.#options.laneOf(item);
      const lane = this.#lanes.get(name) ?? newLane<Item>(name, group);
      this.#lanes.set(name, lane);
      lane.queue.push(item);
    }
    this.#fill();
  }

  /** Forgets those that have not started. */
  clear(): void {
    for (const lane of this.#lanes.values()) lane.queue.length = 0;
  }

  /** Ends every rest. */
  resume(): void {
    for (const lane of this.#lanes.values()) lane.restUntilMs = -Infinity;
  }

  #fill(): void {
    const { clock, held, onEnd } = this.#options;
    for (const lane of [...this.#lanes.values()]) {
      const restMs = lane.restUntilMs - clock.steadyMs();
      if (restMs > 0) for (const item of lane.queue.splice(0)) onEnd(held(item, restMs));
      if (!this.#mayStart(lane)) continue;
      // Behind the others, so that few busy servers do not take all of their group's width for themselves.
      this.#lanes.delete(lane.name);
      this.#lanes.set(lane.name, lane);
      while (this.#mayStart(lane)) void this.#run(lane, lane.queue.shift() as Item);
    }
  }

  /** After a rest one alone finds out whether the server is back. */
  #mayStart({ group, queue, underWay, failures }: Lane<Item>): boolean {
    const width = failures >= FAILURES_TO_REST ? 1 : LANE_WIDTH;
    return queue.length > 0 && underWay < width && (this.#groups.get(group) ?? 0) < GROUP_WIDTH;
  }

  async #run(lane: Lane<Item>, item: Item): Promise<void> {
    const { start, onEnd, clock } = this.#options;
    this.#count(lane, 1);
    const { result, news } = await start(item);
    this.#count(lane, -1);
    note(lane, news, clock.steadyMs());
    onEnd(result);
    this.#fill();
    if (isIdle(lane) && lane.failures === 0) this.#lanes.delete(lane.name);
  }

  #count(lane: Lane<Item>, change: 1 | -1): void {
    lane.underWay += change;
    this.#groups.set(lane.group, (this.#groups.get(lane.group) ?? 0) + change);
  }
}

function newLane<Item>(name: string, group: string): Lane<Item> {
  return { name, group, queue: [], underWay: 0, failures: 0, restUntilMs: -Infinity };
}

function note(lane: Lane<unknown>, news: LaneNews, steadyMs: number): void {
  if (news === 'nothing') return;
  lane.failures = news === 'works' ? 0 : lane.failures + 1;
  lane.restUntilMs = lane.failures >= FAILURES_TO_REST ? steadyMs + REST_MS : -Infinity;
}

function forgetIdle(lanes: Map<string, Lane<unknown>>, steadyMs: number): void {
  for (const [name, lane] of lanes) if (isIdle(lane) && lane.restUntilMs <= steadyMs) lanes.delete(name);
}

function isIdle({ queue, underWay }: Lane<unknown>): boolean {
  return queue.length === 0 && underWay === 0;
}
