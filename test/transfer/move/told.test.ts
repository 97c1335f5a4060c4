import { describe, expect, test } from 'vitest';
import type { Compared } from '../../../src/transfer/move/compared.ts';
import { tellMoved } from '../../../src/transfer/move/told.ts';

const TO = 'postgresql://db.example.org/mail';
const COMPLETE = { here: 2, there: 2 };
const ALL_MOVED: Compared = {
  devices: COMPLETE,
  subscriptions: COMPLETE,
  pushes: COMPLETE,
  credentials: COMPLETE,
};

const told = (compared: Partial<Compared> = {}): { text: string; exitCode: number } =>
  tellMoved({ isOld: false, compared: { ...ALL_MOVED, ...compared } }, { file: '/etc/x.yaml' }, TO);

describe('what a person is told of a move', () => {
  test('that is complete: the counts, and what is next', () => {
    const { text, exitCode } = told({ history: { here: 7, there: 6 } });
    expect(exitCode).toBe(0);
    expect(text).toMatch(/^ +here +there\ndevices +2 +2\n/);
    expect(text).toMatch(/entries of the history +7 +6\nmoved; /);
    expect(text).toContain(`let \`store\` in /etc/x.yaml name ${TO}, and start xapplepush serve\n`);
    expect(told().text).not.toMatch(/history|endpoints|notices|METADATA/);
    const services = { endpoints: COMPLETE, notices: { here: 1, there: 1 }, metadata: COMPLETE };
    expect(told(services).text).toMatch(
      /\nendpoints +2 +2\nwaiting notices +1 +1\nentries of METADATA +2 +2\nmoved; /,
    );
  });

  test('that was complete before', () => {
    const { text, exitCode } = tellMoved({ isOld: true, compared: undefined }, { file: undefined }, TO);
    expect(exitCode).toBe(0);
    expect(text).toBe(
      `moved already; let \`store\` in the configuration name ${TO}, and start xapplepush serve\n`,
    );
  });

  test('with the key of Web Push that the other store would not have', () => {
    const config = { file: '/etc/x.yaml', keyFile: '/var/lib/x.vapid.pem' };
    const { text } = tellMoved({ isOld: true, compared: undefined }, config, TO);
    expect(text).toMatch(/start xapplepush serve\nlet `webpush\.key_file` name \/var\/lib\/x\.vapid\.pem; /);
  });

  test('that lacks devices: to run it again, and nothing of what belongs to them', () => {
    const lacks = { here: 2, there: 1 };
    const { text, exitCode } = told({ devices: lacks, subscriptions: lacks, pushes: lacks });
    expect(exitCode).toBe(75);
    expect(text).toContain('not moved: devices were removed there meanwhile; run the same command again');
    expect(text).not.toMatch(/^moved|are missing/m);
  });

  test.each([
    ['subscriptions', 'mailboxes are missing whose names are too long'],
    ['pushes', 'pushes are missing whose device was removed there'],
    ['metadata', 'entries of METADATA are missing whose names are too long'],
  ] as const)('that lacks %s alone: why, and that it is done', (what, why) => {
    const { text, exitCode } = told({ [what]: { here: 2, there: 0 } });
    expect(exitCode).toBe(0);
    expect(text).toContain(why);
    expect(text.match(/are missing/g)).toHaveLength(1);
    expect(text).toMatch(/^moved; /m);
  });
});
