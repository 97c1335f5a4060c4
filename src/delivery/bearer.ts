import type { TokenCredential } from '../apns/credentials/credentials.ts';
import { type IssuedToken, mayReplaceExpired, signToken, tokenToUse } from '../apns/provider-token.ts';
import type { Answer, Push } from '../apns/push.ts';
import type { Clock } from '../process/clock.ts';
import type { Store } from '../store/store.ts';
import type { Line } from './line.ts';

/**
 * A line whose pushes carry a provider token. The token is kept in the database, since Apple refuses whoever makes
 * new ones often, and many short-lived processes push. An expired one is made anew once and the push repeated.
 */
export function withBearer(line: Line, credential: TokenCredential, store: Store, clock: Clock): Line {
  return {
    push: async (push, timeoutMs) => {
      const token = await currentToken(store, credential, clock.nowMs());
      const answer = await line.push(bearing(push, token), timeoutMs);
      if (answer.reason !== EXPIRED) return answer;
      return (await repeated(line, push, timeoutMs, { store, credential, clock, token })) ?? answer;
    },
    get capacity() {
      return line.capacity;
    },
    get underWay() {
      return line.underWay;
    },
    get connected() {
      return line.connected;
    },
    get proven() {
      return line.proven;
    },
    close: () => line.close(),
  };
}

const EXPIRED = 'ExpiredProviderToken';

function bearing(push: Push, { jwt }: IssuedToken): Push {
  return { ...push, authorization: `bearer ${jwt}` };
}

/** Undefined where the token is too young to be replaced: then a clock is wrong, and a new one would not help. */
async function repeated(
  line: Line,
  push: Push,
  timeoutMs: number,
  use: { store: Store; credential: TokenCredential; clock: Clock; token: IssuedToken },
): Promise<Answer | undefined> {
  const nowMs = use.clock.nowMs();
  if (!mayReplaceExpired(use.token.issuedMs, nowMs)) return undefined;
  const token = await use.store.replaceProviderToken(use.credential.fingerprint, {
    keep: ({ issuedMs }) => issuedMs > use.token.issuedMs, // another process has made one meanwhile
    issue: () => issue(use.credential, nowMs),
  });
  return line.push(bearing(push, token), timeoutMs);
}

async function currentToken(store: Store, credential: TokenCredential, nowMs: number): Promise<IssuedToken> {
  const keep = (known: IssuedToken): boolean => tokenToUse(known, nowMs) === 'keep';
  const known = await store.providerToken(credential.fingerprint);
  if (known !== undefined && keep(known)) return known;
  return store.replaceProviderToken(credential.fingerprint, { keep, issue: () => issue(credential, nowMs) });
}

function issue(credential: TokenCredential, nowMs: number): IssuedToken {
  return { jwt: signToken(credential, nowMs), issuedMs: nowMs };
}
