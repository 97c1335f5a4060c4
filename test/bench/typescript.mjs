// Once imported, Node loads the source and the helpers of the tests as they are: TypeScript, where no test runs, so that
// what helpers tell vitest is not heard.
import { register } from 'node:module';

const HOOKS = `
import { readFile } from 'node:fs/promises';
import { transform } from '${import.meta.resolve('rolldown/utils')}';
const DEAF = 'export const [afterAll, onTestFinished, describe, it, expect, test] = Array(6).fill(() => undefined);';

export async function resolve(name, context, next) {
  if (name === 'vitest') return { url: 'data:text/javascript,' + encodeURIComponent(DEAF), shortCircuit: true };
  return next(name, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const { code } = await transform(url, await readFile(new URL(url), 'utf8'), { lang: 'ts' });
  return { format: 'module', source: code, shortCircuit: true };
}
`;

register(`data:text/javascript,${encodeURIComponent(HOOKS)}`, import.meta.url);
