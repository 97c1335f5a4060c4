import type { Outcome } from '../apns/push.ts';
import type { Clock } from '../clock.ts';
import { backoffMs } from './backoff.ts';
import type { Line } from './line.ts';
import type { TopicCover } from './push-of.ts';
import { TopicGate } from './topic-gate.ts';

/** How long sending rests after Apple refused the credential. */
const CREDENTIAL_PAUSE_MS = 60_000;

/** Which credential goes over which line, and whether it may be used now. */
export class Route {
  readonly credential: TopicCover & { fingerprint: string };
  readonly line: Line;
  #failures = 0;
  #restsUntilMs = -Infinity;
  #refusal: Outcome | undefined;
  #refused = false;
  readonly #gates = new Map<string, TopicGate>();

  constructor(credential: Route['credential'], line: Line) {
    this.credential = credential;
    this.line = line;
  }

  /** How long nothing is sent from now on, in milliseconds: Apple could not be reached, or refused the credential. */
  restMs(clock: Clock): number {
    return Math.max(0, this.#restsUntilMs - clock.steadyMs());
  }

  /** How a push ends that would be sent now although the route rests; undefined where it does not. */
  refusal(clock: Clock): Outcome | undefined {
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
    this.#failures = 0;
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
    this.#restsUntilMs = clock.steadyMs() + backoffMs(this.#failures, random());
  }
}

/** The route for the topic that a phone was told; the first one where it was told none. */
export function routeFor(routes: readonly Route[], topic: string): Route | undefined {
  return topic === '' ? routes[0] : routes.find(({ credential }) => credential.topics.includes(topic));
}
