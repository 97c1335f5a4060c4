import { messageOf } from '../process/errors.ts';
import type { Subscriptions } from '../intake/subscriptions.ts';
import type { Log } from '../process/log.ts';
import { readSubscription } from '../services/webpush/subscription.ts';
import { type Answer, json, NO_CONTENT, NOT_FOUND, text, tryAgain } from './http-answer.ts';

export interface SubscriptionContext {
  /** Absent: what is asked here is answered as if it were nothing. */
  subscriptions?: (() => Promise<Subscriptions>) | undefined;
  /** Whether only those get here who may speak for users: by a password or through a Unix socket. */
  isPrivate: boolean;
  log: Log;
}

/** Longer names than any mail server has, without controls. */
const USER = /^[^\p{Cc}]{1,512}$/u;

/** GET /webpush/key: the `applicationServerKey`. */
export function subscriptionKey(_body: Buffer, context: SubscriptionContext): Promise<Answer> {
  return atDesk(context, async (desk) => json(200, { key: await desk.key() }));
}

/** POST /webpush/subscriptions?user=NAME, whose body is what the browser's `PushSubscription.toJSON()` gives. */
export function subscribe(body: Buffer, context: SubscriptionContext, query: string): Promise<Answer> {
  return atDesk(context, async (desk) => {
    const user = userOf(query);
    if (user === undefined) return WITHOUT_USER;
    const subscription = readSubscription(body.toString());
    if ('problem' in subscription) return json(400, { error: subscription.problem });
    const registered = await desk.register(user, subscription);
    if ('problem' in registered) return json(400, { error: `endpoint: ${registered.problem}` });
    return json(202, registered);
  });
}

/** DELETE /webpush/subscriptions?user=NAME&endpoint=URL. A body would reach nobody from many clients (RFC 9110, 9.3.5). */
export function unsubscribe(_body: Buffer, context: SubscriptionContext, query: string): Promise<Answer> {
  return atDesk(context, async (desk) => {
    const user = userOf(query);
    if (user === undefined) return WITHOUT_USER;
    const endpoint = new URLSearchParams(query).get('endpoint') ?? '';
    if (!URL.canParse(endpoint)) return WITHOUT_ENDPOINT;
    return (await desk.remove(user, new URL(endpoint).href)) ? NO_CONTENT : NOT_FOUND;
  });
}

async function atDesk(
  { subscriptions, isPrivate, log }: SubscriptionContext,
  ask: (desk: Subscriptions) => Promise<Answer>,
): Promise<Answer> {
  if (subscriptions === undefined) return NOT_FOUND;
  if (!isPrivate) return PUBLIC;
  try {
    return await ask(await subscriptions());
  } catch (error) {
    log.error('HTTP: a subscription was not taken, and its sender told to try again', {
      reason: messageOf(error),
    });
    return tryAgain('the database cannot take it now\n');
  }
}

function userOf(query: string): string | undefined {
  const user = new URLSearchParams(query).get('user') ?? '';
  return USER.test(user) ? user : undefined;
}

const PUBLIC = text(
  403,
  'subscriptions are taken with a password only, or on a Unix socket: set serve.http_password_file\n',
);

const WITHOUT_USER = json(400, { error: 'user: expected ?user= with the name that the mail server has' });

const WITHOUT_ENDPOINT = json(400, {
  error: 'endpoint: expected &endpoint= with the URL of the subscription',
});
