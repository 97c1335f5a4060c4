import { safeJson } from '../process/safe-json.ts';

/** The text that JSON.stringify(…, null, 2) gives for all of these in one list, in pieces as they are read. */
export async function* jsonList(pages: AsyncIterable<readonly object[]>): AsyncGenerator<string> {
  let isFirst = true;
  for await (const objects of pages) {
    if (objects.length === 0) continue;
    yield `${isFirst ? '[' : ','}\n${objects.map(asItem).join(',\n')}`;
    isFirst = false;
  }
  yield isFirst ? '[]\n' : '\n]\n';
}

/** Indented at newlines alone: to a regular expression, U+2028 in a name begins a line as well. */
function asItem(object: object): string {
  return `  ${safeJson(object, 2).replaceAll('\n', '\n  ')}`;
}
