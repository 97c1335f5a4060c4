import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PATIENCE_MS } from '../../src/status/rules.ts';
import type { Status } from '../../src/status/status.ts';
import { verdictOf } from '../../src/status/verdict.ts';
import { failureAt, healthy, MINUTE_MS, withTargets, withWaiting } from '../support/status.ts';
import { NOW_MS } from '../support/store.ts';

const LONG_AGO_MS = NOW_MS - PATIENCE_MS;
const SPOOL = { waiting: 0, oldestMs: undefined, bad: 0, newestBad: undefined };
const CERTIFICATE = healthy().certificates[0]!;

function works(what: string, status: Status): void {
  test(what, () => {
    expect(verdictOf(status)).toEqual({ state: 'works', text: 'works', findings: [] });
  });
}

function attention(what: string, status: Status, text: string): void {
  test(what, () => {
    expect(verdictOf(status)).toMatchObject({ state: 'attention', text: `works, but ${text}` });
  });
}

function broken(what: string, status: Status, text: string): void {
  test(what, () => {
    expect(verdictOf(status)).toMatchObject({ state: 'broken', text: `does not work: ${text}` });
  });
}

describe('nothing is amiss', () => {
  works('with no push waiting', healthy());
  works('with pushes under way', withWaiting({ sending: {}, new: {} }));
  works('where one device was sent too many', withWaiting({ device: { oldestMs: LONG_AGO_MS } }));
  works(
    'after a failure that a success followed',
    withTargets({ lastFailure: failureAt(NOW_MS - 2 * MINUTE_MS) }),
  );
  works(
    'where a push got through after the connection was lost',
    withWaiting({ connection: { attemptedMs: 1 } }),
  );
  works(
    'with calendars alone',
    withTargets({
      ...{ targets: 0, ofCyrus: 0, users: 0, renewed: 0 },
      collections: { calendar: { targets: 3, users: 2 }, contacts: { targets: 0, users: 0 } },
    }),
  );
  works('with a few devices disabled', withTargets({ disabled: 2 }));
  works('with a serve for its doors', {
    ...withTargets({ served: { sinceMs: NOW_MS, outdated: [], closed: [] } }),
    doors: ['/run/x.sock'],
  });
  works(
    'with a file that has just come into the spool',
    healthy({ spool: { ...SPOOL, waiting: 1, oldestMs: NOW_MS } }),
  );
});

describe('of a running serve', () => {
  const served = (door: string, isAsBefore: boolean): Status => {
    const closed = [{ door, isAsBefore, sinceMs: NOW_MS - 5 * MINUTE_MS, reason: 'in use', fix: null }];
    return withTargets({ served: { sinceMs: NOW_MS, outdated: [], closed } });
  };
  const text = (door: string): string => `the door ${door} is closed, for 5 minutes (in use)`;
  broken("Cyrus's door is closed", served('cyrus', false), text('cyrus'));
  broken('the door of HTTP is closed', served('http', false), text('http'));
  attention(
    'the control socket of systemd is closed',
    served('control of systemd', false),
    text('control of systemd'),
  );
  attention(
    'a door is as it was before',
    served('http', true),
    'the door http is not open as configured, for 5 minutes (in use)',
  );
});

const CREDENTIAL_FIX =
  '; fix: renew it under the same topic, or correct apns.server; xapplepush check asks Apple';

describe('the credential', () => {
  broken(
    'cannot be used',
    healthy({
      credentialTrouble: { text: 'it expired', fix: 'renew it' },
      certificates: [{ ...CERTIFICATE, problems: ['it expired'] }],
    }),
    'it expired; fix: renew it',
  );
  attention(
    'ends soon',
    healthy({ certificates: [{ ...CERTIFICATE, warning: 'it ends soon' }] }),
    'it ends soon',
  );
  attention(
    'of a former topic has expired',
    healthy({ certificates: [CERTIFICATE, { ...CERTIFICATE, problems: ['the other expired'] }] }),
    'the other expired',
  );
  broken(
    'is refused by Apple',
    withWaiting({ credential: { reason: 'BadCertificate' } }),
    `the certificate or token cannot be used (BadCertificate)${CREDENTIAL_FIX}`,
  );
  attention(
    'is refused where another one is taken',
    withWaiting({ credential: { attemptedMs: NOW_MS - 2 * MINUTE_MS } }),
    `the certificate or token cannot be used (Because)${CREDENTIAL_FIX}`,
  );
  const topicText =
    "2 pushes wait because no certificate fits the device's topic (TopicNotCovered); fix: configure the certificate for that topic too, under apns.also";
  const forTopic = { topic: { pushes: 2, reason: 'TopicNotCovered', oldestMs: NOW_MS - 2 * MINUTE_MS } };
  attention('is not for the topic of a device', withWaiting(forTopic), topicText);
  broken('is for the topic of no device', withWaiting(forTopic, { lastSuccess: undefined }), topicText);
  const goneText =
    '2 pushes wait because Apple says that too many devices in a row are gone (Unregistered); fix: compare apns.server with the certificate; then run xapplepush outbox retry --all';
  const gone = { gone: { pushes: 2, reason: 'Unregistered', oldestMs: NOW_MS - 2 * MINUTE_MS } };
  attention('is in order, and too many devices are said to be gone', withWaiting(gone), goneText);
  broken(
    'is in order, and all devices are said to be gone',
    withWaiting(gone, { lastSuccess: { ms: NOW_MS - 3 * MINUTE_MS, device: undefined } }),
    goneText,
  );
});

describe('the way to Apple', () => {
  const reason = 'connect ECONNREFUSED';
  const fix =
    '; fix: let this host reach apns.server, by apns.proxy where there is one; xapplepush check tries each step of the way';
  broken(
    'has just been lost',
    withWaiting({ connection: { reason } }),
    `Apple cannot be reached (${reason})${fix}`,
  );
  broken(
    'has been lost for long',
    withWaiting({ connection: { reason, oldestMs: LONG_AGO_MS } }),
    `Apple cannot be reached (${reason}), for 10 minutes${fix}`,
  );
  broken(
    'was never there',
    withWaiting({ connection: { reason } }, { lastSuccess: undefined }),
    `Apple cannot be reached (${reason})${fix}`,
  );
  broken(
    'leads to trouble of Apple for long',
    withWaiting({ apple: { reason: null, oldestMs: LONG_AGO_MS } }),
    'Apple has trouble of its own, for 10 minutes; fix: wait: what waits is sent as soon as Apple takes it',
  );
});

const DISABLED =
  'has failed for so long that none is pushed to; fix: xapplepush log tells why; each gets pushes again when it registers, about once a day';

const FLUSH = 'run xapplepush flush, and see to it that serve runs, or flush every five minutes';

describe('delivery', () => {
  const waiting = (nextMs: number): Status => ({
    ...healthy(),
    waiting: { ...withWaiting({ new: {} }).waiting, nextMs },
  });
  works('comes within the time that flush takes to come round', waiting(LONG_AGO_MS + 1));
  broken(
    'by nobody',
    waiting(LONG_AGO_MS),
    `a push has been due for 10 minutes and nobody sends it; fix: ${FLUSH}`,
  );
  attention(
    'failed at the latest try',
    withTargets({ lastFailure: failureAt(NOW_MS) }),
    'the latest push failed (BadTopic); fix: xapplepush log --pushes tells what became of it',
  );
  broken(
    'by one that the database does not know of',
    withTargets({ served: { sinceMs: undefined, outdated: [], closed: [] } }),
    'serve runs and cannot write to the database; fix: its log says why',
  );
  broken(
    'never succeeded',
    withTargets({ lastFailure: failureAt(NOW_MS), lastSuccess: undefined }),
    'no push has got through yet (BadTopic)',
  );
  broken(
    'was never tried',
    withTargets({ lastSuccess: undefined }),
    'no push has been sent yet; fix: xapplepush push USER sends one',
  );
  attention(
    'devices have times in the future',
    withTargets({ ahead: 2 }),
    'the clock was ahead, or is behind now: 2 devices have times in the future, which count as now; fix: see timedatectl',
  );
  const register = '; fix: on a phone, set the account to Push in Fetch New Data of Mail, then open Mail';
  broken(
    'has nobody to go to yet',
    withTargets({ targets: 0, ever: false, lastSuccess: undefined }),
    `no device has registered yet${register}`,
  );
  broken(
    'has nobody to go to after a prune',
    withTargets({ targets: 0 }),
    `no device is registered any more: all were removed${register}`,
  );
  broken('goes to nobody any more', withTargets({ disabled: 3 }), `every device ${DISABLED}`);
});

const READ = 'read the reasons in its folder bad, then remove the files';

describe('the ways in', () => {
  broken(
    'end in a spool that nobody reads',
    healthy({ spool: { ...SPOOL, waiting: 1, oldestMs: LONG_AGO_MS } }),
    `nobody has read the spool for 10 minutes; fix: ${FLUSH}`,
  );
  attention(
    'end in a spool that is closed',
    healthy({ spool: { trouble: 'EACCES' } }),
    'the spool cannot be looked at (EACCES)',
  );
  attention(
    'bring what nobody understands',
    healthy({ spool: { ...SPOOL, bad: 1 } }),
    `1 file of the spool could not be understood; fix: ${READ}`,
  );
  attention(
    'have doors without a serve',
    healthy({ doors: ['/run/x.sock', '[::1]:11619'] }),
    'serve is not running, and only it answers on /run/x.sock and [::1]:11619; fix: start xapplepush serve',
  );
  broken(
    'need a serve that does not run',
    healthy({ doors: ['/run/x.sock'], neededDoors: ['/run/x.sock'] }),
    'serve is not running, and only it answers on /run/x.sock; fix: start xapplepush serve',
  );
  broken(
    'are closed by something that a look has found',
    healthy({ obstacles: [{ severity: 'broken', text: 'it is locked', fix: 'open it' }] }),
    'it is locked; fix: open it',
  );
});

describe('of several', () => {
  const both = { ...withTargets({ disabled: 3 }), doors: ['/run/x.sock'] };
  broken('what is broken is told', both, `every device ${DISABLED}`);

  test('all is found', () => {
    expect(verdictOf(both).findings.map(({ severity }) => severity)).toEqual(['broken', 'attention']);
  });

  attention(
    'reservations each is told',
    { ...withTargets({ ahead: 1 }), spool: { ...SPOOL, bad: 2 } },
    `the clock was ahead, or is behind now: 1 device has times in the future, which count as now; 2 files of the spool could not be understood; fix: see timedatectl; ${READ}`,
  );
});

test('the verdict is as bad as the worst finding, and says all that are so bad', () => {
  const ms = fc.integer({ min: NOW_MS - 2 * PATIENCE_MS, max: NOW_MS + PATIENCE_MS });
  const group = fc.record({
    pushes: fc.nat(),
    oldestMs: ms,
    attemptedMs: fc.option(ms),
    reason: fc.option(fc.string()),
  });
  const states = ['sending', 'new', 'device', 'apple', 'connection', 'credential', 'topic'] as const;
  const groups = fc.record(Object.fromEntries(states.map((state) => [state, group])), { requiredKeys: [] });
  const when = fc.option(ms, { nil: undefined });
  fc.assert(
    fc.property(
      groups,
      when,
      when,
      when,
      fc.nat(3),
      fc.nat(1),
      (some, nextMs, successMs, failureMs, disabled, bad) => {
        const status = withTargets({
          disabled,
          lastSuccess: successMs === undefined ? undefined : { ms: successMs, device: undefined },
          lastFailure: failureMs === undefined ? undefined : failureAt(failureMs),
        });
        const waiting = { groups: some, nextMs, oldest: undefined };
        const { state, text, findings } = verdictOf({ ...status, waiting, spool: { ...SPOOL, bad } });
        const severities = findings.map(({ severity }) => severity);
        const worst = severities.includes('broken')
          ? 'broken'
          : severities.length > 0
            ? 'attention'
            : 'works';
        expect(state).toBe(worst);
        for (const finding of findings) if (finding.severity === worst) expect(text).toContain(finding.text);
      },
    ),
  );
});
