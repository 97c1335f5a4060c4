import type { TokenCredential } from '../apns/credentials.ts';
import { type IssuedToken, mayReplaceExpired, signToken, tokenToUse } from '../apns/provider-token.ts';
import type { Answer, Push } from '../apns/push.ts';
import type { Clock } from '../clock.ts';
import type { Sql, Store } from '../db.ts';
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
    get connected() {
      return line.connected;
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
  const token = await use.store.write((sql) => {
    const known = knownToken(sql, use.credential);
    const replaced = known !== undefined && known.issuedMs > use.token.issuedMs;
    return replaced ? known : issue(sql, use.credential, nowMs);
  });
  return line.push(bearing(push, token), timeoutMs);
}

async function currentToken(store: Store, credential: TokenCredential, nowMs: number): Promise<IssuedToken> {
  const known = await store.read((sql) => knownToken(sql, credential));
  if (known !== undefined && tokenToUse(known, nowMs) === 'keep') return known;
  return store.write((sql) => {
    // Another process may have made one in between.
    const latest = knownToken(sql, credential);
    return latest !== undefined && tokenToUse(latest, nowMs) === 'keep'
      ? latest
      : issue(sql, credential, nowMs);
  });
}

function knownToken(sql: Sql, { fingerprint }: TokenCredential): IssuedToken | undefined {
  const select = sql('SELECT jwt, issued_ms AS issuedMs FROM provider_tokens WHERE fingerprint = ?');
  return select.get(fingerprint) as IssuedToken | undefined;
}

function issue(sql: Sql, credential: TokenCredential, nowMs: number): IssuedToken {
  const token = { jwt: signToken(credential, nowMs), issuedMs: nowMs };
  sql(
    `INSERT INTO provider_tokens (fingerprint, jwt, issued_ms) VALUES (@fingerprint, @jwt, @issuedMs)
     ON CONFLICT (fingerprint) DO UPDATE SET jwt = excluded.jwt, issued_ms = excluded.issued_ms`,
  ).run({ ...token, fingerprint: credential.fingerprint });
  return token;
}
