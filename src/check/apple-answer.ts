import { meaningOf, outcomeOf, outcomeOfNoAnswer } from '../apns/outcome.ts';
import { type Answer, NoAnswer } from '../apns/push.ts';
import type { Outcome } from '../outbox/outcome.ts';
import { type Point, ok, problem, warning } from './point.ts';

/** What Apple's answer to the push to a token of zeros says about credential and topic. Pure. */
export function judgeZeroPush(point: string, topic: string, answer: Answer): Point {
  const outcome = outcomeOf(answer);
  if (outcome.kind === 'rejected' && outcome.badDeviceToken)
    return ok(point, `Apple takes the credential for ${topic}`);
  const said = `Apple says ${reasonOf(answer)} for ${topic}: ${meaningOf(answer)}`;
  switch (outcome.kind) {
    case 'delivered':
    case 'gone':
      return warning(point, `${said} No device has the token of this push.`, FOREIGN);
    case 'retry':
      return warning(point, said, fixOfRetry(outcome));
    case 'misconfigured':
      return problem(point, said, fixOf(outcome.reason, outcome.scope));
    case 'rejected':
      return problem(point, said, 'report it as a bug, with this line');
  }
}

/** The fix where Apple has ended the connection with a reason of its own, as it does for some certificates. */
export function fixOfNoAnswer(error: unknown, otherwise: string): string {
  if (!(error instanceof NoAnswer)) return otherwise;
  const outcome = outcomeOfNoAnswer(error);
  return outcome.kind === 'misconfigured' ? fixOf(outcome.reason, outcome.scope) : otherwise;
}

function reasonOf({ status, reason }: Answer): string {
  return reason === undefined ? `${status}` : `${status} ${reason}`;
}

const FOREIGN = 'Apple gives no such answer: see who it is that apns.server names';

function fixOfRetry({ scope }: Extract<Outcome, { kind: 'retry' }>): string {
  if (scope === 'device') return 'check again in some minutes';
  return 'nothing here; check again later, and see https://developer.apple.com/system-status/';
}

/** By Apple's reason, where more can be said than the scope tells. */
const FIXES: Readonly<Record<string, string>> = {
  BadCertificate: 'use the certificate that Apple issued for Mail pushes; it may have been revoked',
  BadCertificateEnvironment:
    'the certificate is for the other environment: correct apns.server or the certificate',
  BadEnvironmentKeyIdInToken: 'the key is for the other environment: correct apns.server or the key',
  InvalidProviderToken:
    "correct apns.token (key, key_id, team_id), and see that this machine's clock is right",
  UnrelatedKeyIdInToken: 'correct apns.token.key_id: it is not of this team',
  MissingProviderToken: 'configure apns.certificate or apns.token: none reached Apple',
};

function fixOf(reason: string, scope: 'credential' | 'topic'): string {
  if (scope === 'topic')
    return 'remove apns.topic, or configure the credential that Apple issued for this topic';
  return FIXES[reason] ?? 'use a credential that Apple issued for Mail pushes and that is still valid';
}
