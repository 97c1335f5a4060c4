// What npm runs after an install, and again by `npm rebuild --global xapplepush` where Node was changed: V8 takes no code
// that another version of it has made. Without it the program starts more slowly, and works.
import { resolve } from 'node:path';
import { keepCode } from './keep-code.mjs';

await keepCode(resolve(import.meta.dirname, '../dist'), ['better-sqlite3', 'better-sqlite3-node20']);
