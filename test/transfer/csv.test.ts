import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvItems } from '../../src/transfer/csv.ts';
import { textLines } from '../../src/transfer/text-lines.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from '../support/events.ts';

const HEADER = 'user,device_token,account_id';

/** Places and users, or places and faults; the text in pieces of that size. */
function read(text: string, pieceBytes = 7): string[] {
  return itemsIn(text, pieceBytes).map((item) =>
    'fault' in item
      ? `${item.place} ${item.fault.reason}${item.fault.detail === undefined ? '' : ` (${item.fault.detail})`}`
      : `${item.place} ${item.user ?? ''}`,
  );
}

function itemsIn(
  text: string,
  pieceBytes: number,
): ReturnType<typeof csvItems> extends Iterable<infer T> ? T[] : never {
  const bytes = Buffer.from(text);
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, index) =>
    bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
  );
  return [...csvItems(textLines(pieces, 1000), 1000)];
}

describe('good files', () => {
  const good = (title: string, text: string, want: string[]): void => {
    test(title, () => {
      expect(read(text)).toEqual(want);
    });
  };
  good('lines', `${HEADER}\na,t,i\nb,t,i\n`, ['2 a', '3 b']);
  good('a mark of byte order, CRLF, no end of line at the end', `\ufeff${HEADER}\r\na,t,i\r\nb,t,i`, [
    '2 a',
    '3 b',
  ]);
  good('columns in another order and case, with quotes', `Account_ID,"USER", device_token\ni,a,t\n`, ['2 a']);
  good('blank lines between', `\n${HEADER}\n\n\na,t,i\n \n`, ['5 a']);
  good(
    'quotes, commas and line breaks in a field',
    `${HEADER}\n"a ""b"", c",t,i\n"d\n\ne\r\nf",t,i\ng,t,i\n`,
    ['2 a "b", c', '3 d\n\ne\r\nf', '7 g'],
  );
  good('nobody', `${HEADER}\n`, []);
});

test('all columns', () => {
  const header = 'user,device_token,account_id,mailboxes,subtopic,aps_version,topic,registered,renewed';
  const record = `alice,${DEVICE_TOKEN},${ACCOUNT_ID},INBOX|Entw&APw-rfe,other,1,com.apple.mail.x,2024-01-02T03:04:05Z,2024-02-03T04:05:06.789+01:00`;
  expect(itemsIn(`${header}\n${record}\nbob,t,i,,,,,,\n`, 1000)).toEqual([
    {
      place: 2,
      user: 'alice',
      claim: {
        kind: 'registration',
        registration: {
          kind: 'registration',
          source: 'xaps',
          user: 'alice',
          accountId: ACCOUNT_ID,
          deviceToken: DEVICE_TOKEN,
          subtopic: 'other',
          apsVersion: 1,
          mailboxes: ['INBOX', 'Entw&APw-rfe'],
        },
        topic: 'com.apple.mail.x',
        registeredMs: Date.parse('2024-01-02T03:04:05Z'),
        renewedMs: Date.parse('2024-02-03T03:05:06.789Z'),
      },
    },
    expect.objectContaining({
      claim: expect.objectContaining({
        registration: expect.objectContaining({
          mailboxes: ['INBOX'],
          apsVersion: 2,
          subtopic: 'com.apple.mobilemail',
        }) as unknown,
        topic: undefined,
        renewedMs: undefined,
      }) as unknown,
    }),
  ]);
});

test('one time stands for both where the other is not there', () => {
  const [first, second] = itemsIn(
    `${HEADER},registered,renewed\na,t,i,2024-01-02T03:04:05Z,\nb,t,i,,2024-01-02T03:04:05Z\n`,
    1000,
  );
  const ms = Date.parse('2024-01-02T03:04:05Z');
  expect(first).toMatchObject({ claim: { registeredMs: ms, renewedMs: ms } });
  expect(second).toMatchObject({ claim: { registeredMs: undefined, renewedMs: ms } });
});

describe('a bad record does not spoil those after it', () => {
  const bad = (title: string, records: string, want: string[]): void => {
    test(title, () => {
      expect(read(`${HEADER}\n${records}\nz,t,i\n`)).toEqual([
        ...want,
        `${2 + records.split('\n').length} z`,
      ]);
    });
  };
  const QUOTES = 'not CSV: its quotes make no sense';
  bad('too few fields', 'a,t', ['2 expected 3 fields (got 2)']);
  bad('too many fields', 'a,t,i,x', ['2 expected 3 fields (got 4)']);
  bad('a quote that is not closed', '"a,t,i\nb,t,i\nc,t,i', [`2 ${QUOTES}`, '3 b', '4 c']);
  bad('a quote within a field', 'a"b,t,i\nb,t,i', [`2 ${QUOTES}`, '3 b']);
  bad('two of these', 'a"b,t,i\nb,t,i\nc"d,t,i\nd,t,i', [`2 ${QUOTES}`, '3 b', `4 ${QUOTES}`, '5 d']);
  bad('something after a quote', '"a"b,t,i', [`2 ${QUOTES}`]);
  bad('NUL', 'a\0,t,i', ['2 a field holds NUL characters']);
  bad('a line that is too long', `"${'x'.repeat(1100)}",t,i`, ['2 longer than 1000 bytes']);
  bad('a record that is too long', `"${'x'.repeat(900)}\n${'x'.repeat(900)}",t,i`, [
    `2 ${QUOTES}`,
    `3 ${QUOTES}`,
  ]);

  test('bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([
      Buffer.from(`${HEADER}\na`),
      Buffer.from([0xff]),
      Buffer.from(',t,i\nb,t,i\n'),
    ]);
    expect([...csvItems(textLines([bytes], 1000), 1000)]).toMatchObject([
      { place: 2, fault: { reason: 'not UTF-8' } },
      { place: 3, user: 'b' },
    ]);
  });

  test('times and versions that are none', () => {
    const records = 'a,t,i,soon,,\nb,t,i,,never,\nc,t,i,,,two\nd,t,i,,,-1';
    expect(read(`${HEADER},registered,renewed,aps_version\n${records}\n`)).toEqual([
      '2 registered and renewed: expected a time such as 2026-01-31T12:00:00Z',
      '3 registered and renewed: expected a time such as 2026-01-31T12:00:00Z',
      '4 aps_version: expected an integer',
      '5 aps_version: expected an integer',
    ]);
  });
});

describe('a header that is none', () => {
  const bad = (text: string, why: string): void => {
    test(why, () => {
      expect(() => read(text)).toThrow(why);
    });
  };
  bad('', 'the first line is no header');
  bad(`${HEADER},colour,"a""b"\n`, 'unknown columns: "colour", "a\\"b"');
  bad('user,mailboxes\n', 'missing columns: device_token, account_id');
  bad(`${HEADER},User\n`, 'column user is there twice');
  bad(`"${HEADER}\n`, 'the first line is no header');
});

describe('a large file', () => {
  /** Some hundred kilobytes: each third record has a line break, each fifth is not closed. */
  const records = Array.from({ length: 5000 }, (_, index) => {
    const user = `user${index}${'x'.repeat(index % 97)}`;
    if (index % 5 === 4) return { text: `"${user},t,i`, lines: 1, want: undefined };
    return index % 3 === 0
      ? { text: `"${user}\n",t,i`, lines: 2, want: `${user}\n` }
      : { text: `${user},t,i`, lines: 1, want: user };
  });
  const text = `${HEADER}\n${records.map((record) => `${record.text}\n`).join('')}`;

  test('has every record on its line, wherever it is cut', () => {
    let place = 2;
    const want = records.map((record) => {
      const at = place;
      place += record.lines;
      return record.want === undefined ? `${at} not CSV: its quotes make no sense` : `${at} ${record.want}`;
    });
    expect(read(text, 10_000)).toEqual(want);
  });

  test('whose last line opens a quote is read to the line before it', () => {
    const whole = Array.from({ length: 20_000 }, (_, index) => `user${index},t,i\n`).join('');
    const items = read(`${HEADER}\n${whole}"user,t,i\n`, 65_536);
    expect(items.slice(-2)).toEqual(['20001 user19999', '20002 not CSV: its quotes make no sense']);
  });
});

test('any fields come back, in whatever pieces', () => {
  const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'ä', '\u2028') });
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  fc.assert(
    fc.property(fc.array(field, { maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (users, pieceBytes) => {
      const text = `${HEADER}\n${users.map((user) => `${quoted(user)},t,i\n`).join('')}`;
      expect(itemsIn(text, pieceBytes).map(({ user }) => user)).toEqual(users);
    }),
    { numRuns: 30 },
  );
});

test('nothing makes it fail once there is a header', () => {
  const hostile = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', '\0', '|') });
  fc.assert(
    fc.property(hostile, (text) => {
      expect(() => read(`${HEADER}\n${text}`)).not.toThrow();
    }),
  );
});
