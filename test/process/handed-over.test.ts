import { describe, expect, test } from 'vitest';
import { readHandedOver, takeHandedOver } from '../../src/process/handed-over.ts';
import { recordedLog } from '../support/recorded-log.ts';

const PID = 4711;
const NONE = { cyrus: [], http: [], dict: [], control: [] };

function handedOver(changes: NodeJS.ProcessEnv): ReturnType<typeof readHandedOver> {
  return readHandedOver(
    { LISTEN_PID: String(PID), LISTEN_FDS: '1', LISTEN_FDNAMES: 'cyrus', ...changes },
    PID,
  );
}

describe('sockets of systemd', () => {
  test.each<[string, NodeJS.ProcessEnv, object]>([
    ['one', {}, { cyrus: [3] }],
    [
      'several',
      { LISTEN_FDS: '3', LISTEN_FDNAMES: 'http:cyrus:control' },
      { http: [3], cyrus: [4], control: [5] },
    ],
    ['two of one name', { LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:http' }, { http: [3, 4] }],
    ['none', { LISTEN_FDS: '0', LISTEN_FDNAMES: '' }, {}],
    ['no variables', { LISTEN_FDS: undefined, LISTEN_PID: undefined, LISTEN_FDNAMES: undefined }, {}],
  ])('are found by name: %s', (_, changes, expected) => {
    expect(handedOver(changes)).toEqual({ sockets: { ...NONE, ...expected }, problems: [] });
  });

  test.each<[string, NodeJS.ProcessEnv, object, RegExp]>([
    ['another process', { LISTEN_PID: '1' }, {}, /LISTEN_PID is 1, expected 4711/],
    ['nobody', { LISTEN_PID: undefined }, {}, /LISTEN_PID is not set/],
    ['no number of them', { LISTEN_FDS: 'two' }, {}, /LISTEN_FDS is two/],
    ['fewer than none', { LISTEN_FDS: '-1' }, {}, /LISTEN_FDS is -1/],
    ['far too many', { LISTEN_FDS: '999' }, {}, /LISTEN_FDS is 999/],
    [
      'a name of somebody else',
      { LISTEN_FDS: '2', LISTEN_FDNAMES: 'lmtp:cyrus' },
      { cyrus: [4] },
      /3 has the name lmtp/,
    ],
    ['no names', { LISTEN_FDNAMES: undefined }, {}, /3 has the name unknown/],
    ['too few names', { LISTEN_FDS: '2' }, { cyrus: [3] }, /4 has the name unknown/],
  ])('are told where they are of no use: for %s', (_, changes, expected, problem) => {
    const { sockets, problems } = handedOver(changes);
    expect(sockets).toEqual({ ...NONE, ...expected });
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });

  test('no child finds them in its environment', () => {
    const environment = {
      LISTEN_PID: '1',
      LISTEN_FDS: '1',
      LISTEN_FDNAMES: 'cyrus',
      LISTEN_PIDFDID: '2',
      PATH: '/bin',
    };
    const log = recordedLog();
    expect(takeHandedOver(environment, PID, log)).toEqual(NONE);
    expect(environment).toEqual({ PATH: '/bin' });
    expect(log.messages('warn')).toHaveLength(1);
  });
});
