import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonList } from '../../src/terminal/json-list.ts';
import { safeJson } from '../../src/process/safe-json.ts';

async function* pagesOf(pages: readonly object[][]): AsyncGenerator<object[]> {
  for (const page of pages) yield await Promise.resolve(page);
}

async function textOf(pages: readonly object[][]): Promise<string> {
  let text = '';
  for await (const piece of jsonList(pagesOf(pages))) text += piece;
  return text;
}

test.each<[object[][]]>([
  [[]],
  [[[], []]],
  [[[{ a: 1 }]]],
  [[[], [{ a: [1, { b: 'x\ny' }] }, {}], [], [{ c: 'a\u2028b\u2029\r' }]]],
])('%j is one list', async (pages) => {
  expect(await textOf(pages)).toBe(`${safeJson(pages.flat(), 2)}\n`);
});

test('however it is cut into pages', async () => {
  const objects = fc
    .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())
    .map((object) => ({ ...object }));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(objects, { maxLength: 3 }), { maxLength: 4 }), async (pages) => {
      expect(await textOf(pages)).toBe(`${safeJson(pages.flat(), 2)}\n`);
    }),
  );
});
