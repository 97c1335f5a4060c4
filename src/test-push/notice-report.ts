import { ExitCode } from '../process/errors.ts';
import { timeText } from '../process/text.ts';
import type { Endpoint, NewEndpoint, ServiceName } from '../services/endpoint.ts';
import { endpointName } from '../services/endpoint-name.ts';
import type { ServiceOutcome } from '../services/service.ts';

/** How the test notice to one endpoint ended. */
export interface TestNotice {
  user: string;
  service: ServiceName;
  /** Null for an address of the configuration. */
  id: number | null;
  /** Its name, which is no secret. */
  endpoint: string;
  mailbox: string;
  /**
   * `refused`: the service answered otherwise. `unreachable`: no answer came. `misconfigured`: our set-up is wrong.
   * `unsent`: there was no use in sending it.
   */
  result: 'taken' | 'refused' | 'unreachable' | 'misconfigured' | 'unsent';
  meaning: string;
}

type Ending = Pick<TestNotice, 'result' | 'meaning'>;

export function testNotice(endpoint: Endpoint | NewEndpoint, mailbox: string, ending: Ending): TestNotice {
  const { user, service } = endpoint;
  const id = 'id' in endpoint ? endpoint.id : null;
  return { user, service, id, endpoint: endpointName(endpoint), mailbox, ...ending };
}

/** Why nothing is sent to one whose app has not registered it again; undefined where it is well. */
export function whyExpired({ expiresMs }: NewEndpoint, nowMs: number): string | undefined {
  if (expiresMs === null || expiresMs > nowMs) return undefined;
  return `This endpoint ran out on ${timeText(expiresMs)}: its app must register it again.`;
}

/** What an outcome means for a notice that is not tried again. */
export function answered(service: ServiceName, outcome: ServiceOutcome, isRemoved: boolean): Ending {
  switch (outcome.kind) {
    case 'delivered':
      return { result: 'taken', meaning: TAKEN[service] };
    case 'gone': {
      const removed = isRemoved
        ? ' The endpoint was removed; an app that is still there registers again.'
        : '';
      return {
        result: 'refused',
        meaning: `There is no such endpoint any more: ${outcome.reason}.${removed}`,
      };
    }
    case 'retry':
      return outcome.isUnanswered === true
        ? { result: 'unreachable', meaning: `No answer came: ${outcome.reason}.` }
        : { result: 'refused', meaning: `${saidOf(outcome)} Real notices are tried again; this one is not.` };
    case 'rejected':
      return { result: 'refused', meaning: saidOf(outcome) };
    case 'misconfigured':
      return { result: 'misconfigured', meaning: `${saidOf(outcome)} See: xapplepush check.` };
  }
}

/** What is left to happen. */
const TAKEN: Readonly<Record<ServiceName, string>> = {
  deltachat: 'It wakes the app by Apple or Google, which may take a while where a device saves its battery.',
  webpush: 'The push service hands it to the app as soon as that is connected to it.',
  webhook: 'Whoever answers there has it.',
};

function saidOf({ reason }: { reason: string }): string {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
}

/** 0 where all were taken, 69 where no answer came for one, else 75. */
export function exitCodeOf(notices: readonly TestNotice[]): ExitCode {
  if (notices.some(({ result }) => result === 'unreachable')) return ExitCode.unavailable;
  return notices.every(({ result }) => result === 'taken') ? ExitCode.ok : ExitCode.tryAgain;
}

const HEADINGS = {
  taken: 'the service took the notice',
  refused: 'the service refused the notice',
  unreachable: 'no answer',
  misconfigured: 'our set-up is wrong',
  unsent: 'not sent',
} as const;

/** For a person: a paragraph an endpoint. */
export function describeTestNotices(notices: readonly TestNotice[]): string {
  const paragraphs = notices.map(
    ({ user, service, endpoint, mailbox, result, meaning }) =>
      `${user}, ${service} ${endpoint}, ${mailbox}: ${HEADINGS[result]}\n  ${meaning}`,
  );
  return `${paragraphs.join('\n\n')}\n`;
}
