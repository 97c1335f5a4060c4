import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MADE, madeAnew } from './made-pages.ts';

/** As `npm run pages` sets it: then the pages are written and not compared. */
const isUpdate = process.env['UPDATE_PAGES'] === '1';

test.each(Object.keys(MADE))('%s is what is made of the source now', async (file) => {
  const made = await madeAnew(file);
  if (isUpdate) writeFileSync(file, made);
  else expect(readFileSync(file, 'utf8')).toBe(made);
});
