import { describe, expect, test } from 'vitest';
import { formatOf } from '../../src/transfer/formats.ts';
import { peek } from '../../src/transfer/input.ts';
import { HEADER_LINE, targetLine } from '../../src/transfer/target-line.ts';
import { exportedTarget } from './targets.ts';

describe('a file is recognised by its beginning', () => {
  const good = (title: string, text: string, want: string): void => {
    test(title, () => {
      expect(formatOf(Buffer.from(text))).toBe(want);
    });
  };
  good('an export', HEADER_LINE, 'jsonl');
  good('an export of a later version', '{"xapplepush":"targets","version":9,"x":1}\n', 'jsonl');
  good('an export with a mark of byte order', `\ufeff\r\n${HEADER_LINE}`, 'jsonl');
  good('lines without their header', targetLine(exportedTarget()), 'jsonl');
  good('a database, indented', '{\n  "Users": {\n    "alice"', 'xaps');
  good('a database in one line', '{"Users":{"alice":{"Accounts":{"A":{"DeviceToken":"aa"}}}}}', 'xaps');
  good('a database of the first daemon', '{\n    "alice": {\n        "accounts"', 'xaps');
  good('CSV', 'user,device_token,account_id\n', 'csv');
  good('CSV with other columns', 'user,token\n', 'csv');
  good('CSV with other separators', 'user;device_token;account_id\n', 'csv');
  good('CSV with quotes', '\ufeff"User", "Device_Token" ,"Account_Id"\r\n', 'csv');
});

test.each(['', '\n\n', 'alice\n', 'alice bob\n', 'Dear alice, how are you?\n', '[1]', '\u001f\u008b\u0008'])(
  '%j is nothing',
  (text) => {
    expect(formatOf(Buffer.from(text))).toBeUndefined();
  },
);

test('a look at the beginning takes nothing away, however slowly it comes', () => {
  const pieces = ['\n', 'a', 'b\n', 'c\n'].map((text) => Buffer.from(text));
  const { head, chunks } = peek(pieces);
  expect(head.toString()).toBe('\nab\n');
  expect(Buffer.concat([...chunks]).toString()).toBe('\nab\nc\n');
  expect(Buffer.concat([...peek([]).chunks])).toHaveLength(0);
});
