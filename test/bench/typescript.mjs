// Lets Node load the helpers of the tests, which are TypeScript, where no test runs: what they tell vitest is not heard.
import { register } from 'node:module';

export function loadTypeScript() {
  register(`data:text/javascript,${encodeURIComponent(HOOKS)}`, import.meta.url);
}

const HOOKS = `
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
const { transform } = createRequire(${JSON.stringify(import.meta.url)})('esbuild');
const DEAF = 'export const [afterAll, onTestFinished, describe, it, expect, test] = Array(6).fill(() => undefined);';

export async function resolve(name, context, next) {
  if (name === 'vitest') return { url: 'data:text/javascript,' + encodeURIComponent(DEAF), shortCircuit: true };
  return next(name, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const source = await readFile(new URL(url), 'utf8');
  const { code } = await transform(source, { loader: 'ts', target: 'node20' });
  return { format: 'module', source: code, shortCircuit: true };
}
`;
