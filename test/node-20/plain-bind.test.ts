import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bindPlainly } from '../../src/node-20/plain-bind.ts';

const ofNode = Object.getOwnPropertyDescriptor(AsyncResource.prototype, 'bind')!;

beforeAll(bindPlainly);
afterAll(() => {
  Object.defineProperty(AsyncResource.prototype, 'bind', ofNode);
});

const storage = new AsyncLocalStorage<string>();

test('what is bound runs where the resource was made', () => {
  const resource = storage.run('a request', () => new AsyncResource('test'));
  const bound = resource.bind(() => storage.getStore());
  expect(storage.run('an answer', bound)).toBe('a request');
  expect(storage.run('a push', () => AsyncResource.bind(() => storage.getStore()))()).toBe('a push');
});

test('it gets the arguments and the `this` of the call, and gives what it gives', () => {
  function all(this: unknown, ...args: unknown[]): unknown[] {
    return [this, ...args];
  }
  const resource = new AsyncResource('test');
  expect(resource.bind(all).call('me', 1, 2)).toEqual(['me', 1, 2]);
  // The second argument is documented, and missing in the types.
  const boundTo: unknown = Reflect.apply(resource.bind.bind(resource), undefined, [all, 'this']);
  expect((boundTo as typeof all).call('me', 1)).toEqual(['this', 1]);
});

test('an error of it reaches the caller', () => {
  const bound = new AsyncResource('test').bind(() => {
    throw new RangeError('too far');
  });
  expect(bound).toThrow(RangeError);
});

test('it has no property that keeps the resource', () => {
  expect('asyncResource' in new AsyncResource('test').bind(() => undefined)).toBe(false);
  expect('asyncResource' in AsyncResource.bind(() => undefined)).toBe(false);
});
