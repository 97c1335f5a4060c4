import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_EVENT_BYTES, readEvents, type ReadItem } from '../../src/events/read.ts';

function read(...chunks: (string | Buffer)[]): ReadItem[] {
  return [...readEvents(chunks.map((chunk) => Buffer.from(chunk)))];
}

function values(items: ReadItem[]): unknown[] {
  return items.map((item) => ('value' in item ? item.value : item.bad));
}

describe('readEvents', () => {
  it.each([
    ['{"a":1}\n', [{ a: 1 }]],
    ['{"a":1}', [{ a: 1 }]],
    ['{"a":1}\r\n{"b":2}\r\n', [{ a: 1 }, { b: 2 }]],
    ['\n \t\r\n1\n\n\n2', [1, 2]],
    ['\ufeff{"a":1}\n', [{ a: 1 }]],
    ['\ufeff\n', []],
    ['"ä\u{1F600}"', ['ä\u{1F600}']],
    ['"\\u0000"', ['\0']],
    ['', []],
  ])('reads %j', (text, expected) => {
    expect(values(read(text))).toEqual(expected);
  });

  it('keeps the bytes of each line', () => {
    expect(read(' 1 \r\n[\n')).toEqual([
      { raw: Buffer.from(' 1 \r'), value: 1 },
      { raw: Buffer.from('['), bad: 'not JSON' },
    ]);
  });

  it.each([
    [Buffer.from([0x22, 0xff, 0x22]), 'not UTF-8'],
    [Buffer.from([0x22, 0xed, 0xa0, 0xbd, 0x22]), 'not UTF-8'],
    [Buffer.from([0xe4]), 'not UTF-8'],
    [Buffer.from('{"a":\0}'), 'not JSON: it holds a NUL byte'],
    [Buffer.from('{"a":1'), /^not JSON( \(at character \d+\))?$/],
    [Buffer.from('{"a":1}}'), /^not JSON \(at character 7\)$/],
    [Buffer.from("{'a':1}"), /^not JSON \(at character 1\)$/],
    [Buffer.from('From: secret'), 'not JSON'],
    [Buffer.from('JSON at position 5'), 'not JSON'],
  ])('calls %j bad and reads on', (line, why) => {
    const items = read(Buffer.concat([line, Buffer.from('\n1\n')]));
    expect(items).toEqual([
      { raw: line, bad: expect.stringMatching(why) as string },
      { raw: Buffer.from('1'), value: 1 },
    ]);
  });

  it('does not tell what it read', () => {
    const secret = '80aa34cb0fc0a6cb';
    const broken = fc.string({ unit: fc.constantFrom('{', '}', '"', ':', ',', '1', 'a', secret) });
    fc.assert(
      fc.property(broken, (text) => {
        const bad = read(text).flatMap((item) => ('bad' in item ? [item.bad] : []));
        for (const reason of bad) expect(reason).toMatch(/^not JSON( \(at character \d+\))?$/);
      }),
    );
  });

  it('gives the same items however the bytes are cut', () => {
    const line = fc.oneof(fc.json(), fc.constantFrom('', '{', ' ', '"ä\u{1F600}"'));
    const cuts = fc.array(fc.nat({ max: 200 }));
    fc.assert(
      fc.property(fc.array(line), cuts, (lines, sizes) => {
        const bytes = Buffer.from(lines.join('\n'));
        const ends = [...sizes.map((size) => Math.min(size, bytes.length)), bytes.length].sort(
          (a, b) => a - b,
        );
        const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        expect(read(...chunks)).toEqual(read(bytes));
      }),
    );
  });

  it('takes the longest line that is allowed', () => {
    const longest = Buffer.from(`"${'x'.repeat(MAX_EVENT_BYTES - 2)}"`);
    expect(values(read(longest))).toEqual(['x'.repeat(MAX_EVENT_BYTES - 2)]);
  });

  it('drops a longer line and reads on', () => {
    const tooLong = { raw: Buffer.alloc(0), bad: `longer than ${MAX_EVENT_BYTES} bytes` };
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const endless = Array<Buffer>(100).fill(chunk);
    expect(read(...endless, '\n1\n')).toEqual([tooLong, { raw: Buffer.from('1'), value: 1 }]);
    expect(read('1\n', ...endless)).toEqual([{ raw: Buffer.from('1'), value: 1 }, tooLong]);
    expect(read(`"${'x'.repeat(MAX_EVENT_BYTES - 1)}"`)).toEqual([tooLong]);
  });

  it('holds no more than one line in memory', () => {
    function* flood(): Generator<Buffer> {
      for (let sent = 0; sent < 8192; sent += 1) yield Buffer.alloc(64 * 1024, 'x');
    }
    const before = process.memoryUsage().arrayBuffers;
    const items = readEvents(flood());
    expect(items.next().value).toMatchObject({ raw: Buffer.alloc(0) });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(256 * 1024 * 1024);
  });

  it('survives deep nesting', () => {
    const depth = 100_000;
    expect(read('['.repeat(depth))).toMatchObject([{ bad: expect.stringMatching(/^not JSON/) as string }]);
    const items = read(`${'['.repeat(depth)}${']'.repeat(depth)}\n{"a":${'{"a":'.repeat(depth)}`);
    expect(items).toHaveLength(2);
  });
});
