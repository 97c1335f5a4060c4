import type { Outcome } from '../outbox/outcome.ts';
import { backoffMs } from '../outbox/backoff.ts';

/** A token of another app is refused for its topic too: so many different devices, with none accepted, are no accident. */
export const MAX_REFUSED_DEVICES = 5;

/** The first rest is a minute, the next ones grow as the back-off does: Apple does not want to be asked again soon. */
const FIRST_REST = 4;

/** What the end of a push means for the others of its topic. */
export type TopicNews = 'rests' | 'accepted' | undefined;

/**
 * Lets the pushes of one topic out to Apple: a few until one is accepted, then all. Where Apple refuses the topic,
 * none goes while it rests, and then one to see whether that is over.
 */
export class TopicGate {
  #isOpen = false;
  #underWay = 0;
  #waiting: (() => void)[] = [];
  readonly #refused = new Set<string>();
  #refusal: Outcome | undefined;
  #restMs = 0;
  #restsUntilMs = -Infinity;
  #rests = 0;
  #wasAccepted = false;

  /** By the steady clock. Undefined: the push goes, and `leave` tells how it ended. An outcome: it does not go. A promise: ask again then. */
  enter(deviceToken: string, steadyMs: number): Outcome | Promise<void> | undefined {
    if (this.#refusal !== undefined) {
      if (!this.#maySeeAgain(deviceToken, steadyMs)) return this.#refusal;
    } else if (!this.#isOpen && this.#underWay >= MAX_REFUSED_DEVICES) {
      return new Promise((resolve) => this.#waiting.push(resolve));
    }
    this.#underWay += 1;
    return undefined;
  }

  /** `random` is in [0, 1). */
  leave(deviceToken: string, outcome: Outcome, steadyMs: number, random: number): TopicNews {
    this.#underWay -= 1;
    const news = this.#newsOf(deviceToken, outcome, steadyMs, random);
    this.#admit();
    return news;
  }

  /** A push that was let in and is not sent after all: the next one takes its place. */
  stepAside(): void {
    this.#admit();
  }

  #admit(): void {
    const admitted = this.#isOpen || this.#refusal !== undefined ? Infinity : MAX_REFUSED_DEVICES;
    for (const enter of this.#waiting.splice(0, Math.max(0, admitted - this.#underWay))) enter();
  }

  /** Somebody has corrected what was wrong, or thinks so. */
  resume(): void {
    this.#restsUntilMs = -Infinity;
  }

  /** One at a time, and a device that was refused already only when no other has come for as long again. */
  #maySeeAgain(deviceToken: string, steadyMs: number): boolean {
    if (steadyMs < this.#restsUntilMs || this.#underWay > 0) return false;
    return !this.#refused.has(deviceToken) || steadyMs >= this.#restsUntilMs + this.#restMs;
  }

  #newsOf(deviceToken: string, outcome: Outcome, steadyMs: number, random: number): TopicNews {
    if (isRefused(outcome)) return this.#refuse(deviceToken, outcome, steadyMs, random);
    // An answer that is not about the topic clears it, unless it rests: then only an accepted push does.
    if (this.#refusal === undefined) this.#isOpen = true;
    if (outcome.kind === 'retry' || outcome.kind === 'misconfigured') return undefined;
    const isNews = this.#refusal !== undefined || !this.#wasAccepted;
    this.#refused.clear();
    this.#refusal = undefined;
    this.#rests = 0;
    this.#isOpen = this.#wasAccepted = true;
    return isNews ? 'accepted' : undefined;
  }

  #refuse(deviceToken: string, outcome: Outcome, steadyMs: number, random: number): TopicNews {
    this.#isOpen = false;
    this.#refused.add(deviceToken);
    // Those that were under way together count once.
    if (this.#refused.size < MAX_REFUSED_DEVICES || steadyMs < this.#restsUntilMs) return undefined;
    const isNews = this.#refusal === undefined;
    this.#restMs = backoffMs(FIRST_REST + this.#rests, random);
    this.#restsUntilMs = steadyMs + this.#restMs;
    this.#rests += 1;
    this.#refusal = outcome;
    return isNews ? 'rests' : undefined;
  }
}

function isRefused(outcome: Outcome): boolean {
  return outcome.kind === 'misconfigured' && outcome.scope === 'topic';
}
