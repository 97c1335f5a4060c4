import { describe, expect, test } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { collectionsContract } from './collections.ts';
import { deliveryContract } from './delivery.ts';
import { endpointsContract } from './endpoints.ts';
import { intakeContract } from './intake.ts';
import { metadataContract } from './metadata.ts';
import { moveContract } from './move.ts';
import { operatorContract } from './operator.ts';
import type { Open } from './scene.ts';

/** What no transaction does. */
const NO_VERBS = new Set(['file', 'driver', 'close', 'clockAheadMs', 'survey', 'listen', 'shared']);

/** What every engine behind the store's verbs keeps to: the same cases, the same results, through the verbs alone. */
export function storeContract(engine: string, open: Open): void {
  const verbs = new Set<string>();
  const called = new Set<string>();
  const watched: Open = async () => noting(await open(), verbs, called);
  describe(`the store on ${engine}`, () => {
    describe('takes', () => intakeContract(watched));
    describe('takes collections', () => collectionsContract(watched));
    describe('delivers', () => deliveryContract(watched));
    describe('tells other services', () => endpointsContract(watched));
    describe('keeps METADATA', () => metadataContract(watched));
    describe('is asked', () => operatorContract(watched));
    describe('is left', () => moveContract(watched));
    test('is tried with every verb', () => {
      expect([...verbs].filter((verb) => !called.has(verb))).toEqual([]);
    });
  });
}

function noting(store: Store, verbs: Set<string>, called: Set<string>): Store {
  for (const name of Object.keys(store)) if (!NO_VERBS.has(name)) verbs.add(name);
  return new Proxy(store, {
    get(target, name): unknown {
      called.add(String(name));
      return Reflect.get(target, name);
    },
  });
}
