import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_EVENTS_PER_LINE, parseEvent } from '../../src/events/parse.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';

const uri = 'imap://mail.example.org/user/alice';
const messageNew = { event: 'MessageNew', uri };
const change = {
  kind: 'change',
  source: 'cyrus',
  name: 'MessageNew',
  mailboxes: [{ owner: 'alice', path: 'INBOX' }],
};

function parse(value: unknown): ReturnType<typeof parseEvent> {
  return parseEvent(value, DEFAULT_NAMESPACE);
}

describe('parseEvent', () => {
  it('parses one event', () => {
    expect(parse(messageNew)).toEqual([change]);
  });

  it('parses each event of a list, bad ones between good ones too', () => {
    expect(parse([messageNew, 7, [messageNew], messageNew])).toEqual([
      change,
      { kind: 'bad', reason: 'not an event: expected a JSON object' },
      { kind: 'bad', reason: 'not an event: expected a JSON object' },
      change,
    ]);
  });

  it.each([undefined, null, 1, 'MessageNew', true])('%j is no event', (value) => {
    expect(parse(value)).toEqual([{ kind: 'bad', reason: 'not an event: expected a JSON object' }]);
  });

  it.each([{}, { Event: 'MessageNew' }, { event: 1 }, { event: null }])(
    '%j has no shape we know',
    (value) => {
      expect(parse(value)).toMatchObject([
        { kind: 'bad', reason: expect.stringContaining('the key event') as string },
      ]);
    },
  );

  it('refuses an empty list and one that is too long', () => {
    expect(parse([])).toEqual([{ kind: 'bad', reason: 'an empty list: expected events' }]);
    const most = Array<unknown>(MAX_EVENTS_PER_LINE).fill(messageNew);
    expect(parse(most)).toHaveLength(MAX_EVENTS_PER_LINE);
    expect(parse([...most, messageNew])).toMatchObject([{ kind: 'bad' }]);
  });

  it('never throws and always gives a result', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(parse(value).length).toBeGreaterThan(0);
      }),
    );
  });
});
