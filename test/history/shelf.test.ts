import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { append, currentFile, discardOld, fullFiles } from '../../src/history/shelf.ts';
import { temporaryFolder } from '../support/store.ts';

const BOUNDS = { maxEntries: 10_000, maxAgeMs: 1000 };
const LINE = `${'x'.repeat(511)}\n`; // 2,048 of them fill a file

function folder(): string {
  return join(temporaryFolder(), 'x.history');
}

/** Names of full files, as `end:lines`. */
function full(dir: string): string[] {
  return fullFiles(dir, 'devices').map(({ endMs, lines }) => `${endMs}:${lines}`);
}

describe('append', () => {
  test('makes the folder and the file, for this user only', () => {
    const dir = folder();
    append(dir, 'devices', LINE, BOUNDS, 0);
    append(dir, 'devices', LINE, BOUNDS, 0);
    append(dir, 'others', 'y\n', BOUNDS, 0);
    expect(readFileSync(currentFile(dir, 'devices'), 'utf8')).toBe(LINE + LINE);
    expect(readFileSync(currentFile(dir, 'others'), 'utf8')).toBe('y\n');
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(currentFile(dir, 'devices')).mode & 0o777).toBe(0o600);
  });

  test('begins a new file when one is full, and counts the lines of the full one', () => {
    const dir = folder();
    append(dir, 'devices', LINE.repeat(2047), BOUNDS, 1);
    expect(full(dir)).toEqual([]);
    append(dir, 'devices', LINE, BOUNDS, 2);
    expect(full(dir)).toEqual(['2:2048']);
    append(dir, 'devices', LINE, BOUNDS, 3);
    expect(readFileSync(currentFile(dir, 'devices'), 'utf8')).toBe(LINE);
  });

  test('throws away what is beyond the number and what is too old', () => {
    const dir = folder();
    const fill = (nowMs: number): void => append(dir, 'devices', LINE.repeat(2048), BOUNDS, nowMs);
    for (let nowMs = 1; nowMs <= 7; nowMs += 1) fill(nowMs);
    expect(full(dir)).toEqual(['7:2048', '6:2048', '5:2048', '4:2048', '3:2048']);
    fill(1006);
    expect(full(dir)).toEqual(['1006:2048', '7:2048', '6:2048']);
  });

  test('where there is no folder for the folder, says so', () => {
    expect(() => append('/nonexistent/x.history', 'devices', LINE, BOUNDS, 0)).toThrow(/ENOENT/);
  });
});

describe('discardOld', () => {
  const at = (dryRun: boolean) => ({ nowMs: 5000, dryRun });

  test('gives the bytes that it freed, and leaves the other shelf and foreign files', () => {
    const dir = folder();
    mkdirSync(dir);
    for (const name of ['devices.1.1.jsonl', 'others.1.1.jsonl', 'devices.x.1.jsonl', 'notes'])
      writeFileSync(join(dir, name), 'four');
    expect(discardOld(dir, 'devices', BOUNDS, at(true))).toBe(4);
    expect(discardOld(dir, 'devices', BOUNDS, at(false))).toBe(4);
    expect(discardOld(dir, 'devices', BOUNDS, at(false))).toBe(0);
    expect(readdirSync(dir).sort()).toEqual(['devices.x.1.jsonl', 'notes', 'others.1.1.jsonl']);
  });

  test('without a history there is nothing to do', () => {
    expect(discardOld('/nonexistent', 'devices', BOUNDS, at(false))).toBe(0);
  });
});
