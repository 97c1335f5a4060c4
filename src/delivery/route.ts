import { NoAnswer } from '../apns/push.ts';
import { isVerdict, type Outcome } from '../outbox/outcome.ts';
import type { Clock } from '../process/clock.ts';
import { backoffMs, PROBE_INTERVAL_MS } from '../outbox/backoff.ts';
import type { Line } from './line.ts';
import type { TopicCover } from './push-of.ts';
import { TopicGate } from './topic-gate.ts';

/** How long sending rests after Apple refused the credential. */
const CREDENTIAL_PAUSE_MS = 60_000;

/** Which credential goes over which line, and whether it may be used now. */
export class Route {
  readonly credential: TopicCover & { fingerprint: string };
  readonly line: Line;
  /** Why the credential cannot be used; undefined where it can. */
  readonly unusable: string | undefined;
  #failures = 0;
  #restsUntilMs = -Infinity;
  #refusal: Outcome | undefined;
  #refused = false;
  readonly #gates = new Map<string, TopicGate>();

  constructor(credential: Route['credential'], line: Line, unusable?: string) {
    this.credential = credential;
    this.line = line;
    this.unusable = unusable;
  }

  /**
   * How long nothing is sent from now on, in milliseconds: Apple could not be reached, or refused the credential.
   * Infinity: it cannot be used.
   */
  restMs(clock: Clock): number {
    return this.unusable === undefined ? Math.max(0, this.#restsUntilMs - clock.steadyMs()) : Infinity;
  }

  /** How a push ends that would be sent now although the route rests; undefined where it does not. */
  refusal(clock: Clock): Outcome | undefined {
    if (this.unusable !== undefined)
      return { kind: 'misconfigured', reason: this.unusable, scope: 'credential' };
    return this.restMs(clock) > 0 ? this.#refusal : undefined;
  }

  /** What lets the pushes of a topic out. */
  gate(topic: string): TopicGate {
    const gate = this.#gates.get(topic) ?? new TopicGate();
    this.#gates.set(topic, gate);
    return gate;
  }

  /** Somebody has corrected what was wrong, or thinks so: the next push tries. */
  resume(): void {
    this.#restsUntilMs = -Infinity;
    for (const gate of this.#gates.values()) gate.resume();
  }

  /**
   * Apple has answered, or has ended the connection with a reason. True where it refuses the credential and nobody
   * was told yet. An answer after which the next one has to come over another connection is as good as none.
   */
  answered(outcome: Outcome, clock: Clock, random: () => number): boolean {
    if (outcome.kind === 'retry' && outcome.scope === 'connection') {
      this.failed(outcome, clock, random);
      return false;
    }
    if (isVerdict(outcome)) this.#failures = 0;
    const refused = outcome.kind === 'misconfigured' && outcome.scope === 'credential';
    const news = refused && !this.#refused;
    this.#refused = refused;
    if (refused) {
      this.#refusal = outcome;
      this.#restsUntilMs = clock.steadyMs() + CREDENTIAL_PAUSE_MS;
    }
    return news;
  }

  /** There was no connection, or none that gave an answer. All pushes that failed with it count once. */
  failed(outcome: Outcome, clock: Clock, random: () => number): void {
    if (this.restMs(clock) > 0) return;
    this.#failures += 1;
    this.#refusal = outcome;
    this.#restsUntilMs = clock.steadyMs() + backoffMs(this.#failures, random(), 0, PROBE_INTERVAL_MS);
  }
}

/** The way of a credential that cannot be used: its pushes wait. Without topics it is not known for which it was. */
export function closedRoute(topics: readonly string[], reason: string): Route {
  return new Route({ topic: topics[0] ?? '', topics, fingerprint: '' }, NO_LINE, reason);
}

const NO_LINE: Line = {
  push: () => Promise.reject(new NoAnswer('no usable credential', { perhapsProcessed: false })),
  capacity: 0,
  underWay: 0,
  connected: false,
  proven: false,
  close: () => Promise.resolve(),
};

/**
 * The route for the topic that a phone was told; the first one where it was told none. A topic that no credential is
 * known to be for may be that of one that cannot be read.
 */
export function routeFor(routes: readonly Route[], topic: string): Route | undefined {
  if (topic === '') return routes[0];
  const fitting = routes.filter(({ credential }) => credential.topics.includes(topic));
  const open = fitting.find(({ unusable }) => unusable === undefined);
  return open ?? fitting[0] ?? routes.find(({ credential }) => credential.topics.length === 0);
}
