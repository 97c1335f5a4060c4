import { type Answer, NOT_FOUND, notAllowed, text } from './http-answer.ts';
import { type PageContext, statusPage } from './http-page.ts';
import { subscribe, subscriptionKey, type SubscriptionContext, unsubscribe } from './http-subscriptions.ts';
import { events, type EventContext, notifyByOx, notifyByXaps, registerByXaps } from './http-events.ts';

export interface RouteContext extends EventContext, PageContext, SubscriptionContext {
  /** Whether events are taken, and why not; where they are, `reason` says what keeps pushes from being sent. */
  ready: () => { ready: boolean; reason?: string };
  /** Absent: /metrics is answered as if it were nothing. */
  metrics?: (() => Promise<string>) | undefined;
}

export type Route = {
  /** For the log; the path is the client's. */
  name: string;
  /** Answered without a password too. */
  open: boolean;
  /** A person looks at it, who may come by a link. */
  isLookedAt?: boolean;
} & (
  | {
      takesBody: boolean;
      /** `query` is what follows the ? of the URL. */
      handle: (body: Buffer, context: RouteContext, query: string) => Answer | Promise<Answer>;
    }
  | { answer: Answer }
);

/** https://prometheus.io/docs/instrumenting/exposition_formats/, basic info */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const POST: Record<string, Route> = {
  '/register': { name: 'register', open: false, takesBody: true, handle: registerByXaps },
  '/notify': { name: 'notify', open: false, takesBody: true, handle: notifyByXaps },
  '/events': { name: 'events', open: false, takesBody: true, handle: events },
  '/webpush/subscriptions': { name: 'subscribe', open: false, takesBody: true, handle: subscribe },
};

const DELETE: Record<string, Route> = {
  '/webpush/subscriptions': { name: 'unsubscribe', open: false, takesBody: false, handle: unsubscribe },
};

const GET: Record<string, Route> = {
  '/status': {
    ...{ name: 'status', open: false, takesBody: false, isLookedAt: true },
    handle: (_, context, query) => statusPage(query, context),
  },
  '/webpush/key': { name: 'webpush key', open: false, takesBody: false, handle: subscriptionKey },
  '/healthz': { name: 'healthz', open: true, takesBody: false, handle: () => text(200, 'ok\n') },
  '/readyz': { name: 'readyz', open: false, takesBody: false, handle: (_, context) => readiness(context) },
  '/metrics': { name: 'metrics', open: false, takesBody: false, handle: (_, context) => metrics(context) },
};

/** PUT is the OX driver's, on whatever path the operator gave it. */
const PUT: Route = { name: 'ox', open: false, takesBody: true, handle: notifyByOx };

/** The route of a request; `path` is without its query. */
export function findRoute(method: string, path: string): Route {
  if (method === 'PUT') return PUT;
  const [read, write, remove] = [own(GET, path), own(POST, path), own(DELETE, path)];
  const asked: Record<string, Route | undefined> = { GET: read, HEAD: read, POST: write, DELETE: remove };
  const found = Object.hasOwn(asked, method) ? asked[method] : undefined;
  if (found !== undefined) return found;
  const allowed = [...(read ? ['GET, HEAD'] : []), ...(write ? ['POST'] : []), ...(remove ? ['DELETE'] : [])];
  return refusal(allowed.length === 0 ? NOT_FOUND : notAllowed([...allowed, 'PUT'].join(', ')));
}

function own(routes: Record<string, Route>, path: string): Route | undefined {
  return Object.hasOwn(routes, path) ? routes[path] : undefined;
}

function refusal(answer: Answer): Route {
  return { name: 'none', open: false, answer };
}

function readiness({ ready }: RouteContext): Answer {
  const { ready: isReady, reason } = ready();
  if (!isReady) return text(503, `not ready: ${reason ?? 'starting'}\n`);
  // Still 200: whoever sent the events elsewhere for it would lose them.
  return text(200, reason === undefined ? 'ready\n' : `ready, but ${reason}\n`);
}

async function metrics({ metrics: collect }: RouteContext): Promise<Answer> {
  if (collect === undefined) return NOT_FOUND;
  return text(200, await collect(), { 'Content-Type': METRICS_TYPE });
}
