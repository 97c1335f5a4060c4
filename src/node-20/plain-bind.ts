import { AsyncResource } from 'node:async_hooks';

/**
 * Makes what node:http2 does for each request cheap, in this whole process. Before Node 26, AsyncResource.bind gives
 * each bound function the accessors of a deprecated property (DEP0172); those of Node 20 keep the stream from every
 * collection but a full one, and take a quarter of the pushes a second. Nobody here reads that property. Does nothing
 * where Node gives none.
 */
export function bindPlainly(): void {
  const bound = new AsyncResource('xapplepush').bind(() => undefined);
  if ('asyncResource' in bound) AsyncResource.prototype.bind = plainBind as AsyncResource['bind'];
}

/** As documented of Node: runs `fn` in the scope of the resource, with the `this` and the arguments of the call. */
function plainBind(this: AsyncResource, fn: Callable, thisArg?: unknown): Callable {
  const run = (self: unknown, args: unknown[]): unknown => this.runInAsyncScope(fn, self, ...args);
  return function (this: unknown, ...args: unknown[]) {
    return run(thisArg ?? this, args);
  };
}

type Callable = (...args: unknown[]) => unknown;
