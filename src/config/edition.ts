import { createHash } from 'node:crypto';
import { BUILD } from '../process/installation.ts';
import type { Settings } from './config.ts';

/** Hexadecimal digits: enough to tell a few configurations of a host apart, and short in the name of a file. */
const DIGITS = 12;

/**
 * The fingerprint of all that decides what becomes of an event, as `SETTINGS.BUILD`. Where the file lies, how it is
 * written and which doors `serve` opens makes no difference.
 */
export function editionOf(settings: Settings): string {
  const text = textOf({ ...settings, serve: undefined });
  return `${createHash('sha256').update(text).digest('hex').slice(0, DIGITS)}.${BUILD}`;
}

/** The same text for the same settings, from whichever file. */
export function textOf(settings: { [K in keyof Settings]: Settings[K] | undefined }): string {
  return JSON.stringify({ ...settings, file: undefined, edition: undefined });
}

/** What is another in the one edition than in the other. */
export function differenceOf(one: string, other: string): 'configuration' | 'program' {
  return one.split('.')[0] === other.split('.')[0] ? 'program' : 'configuration';
}
