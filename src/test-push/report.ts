import { meaningOf, outcomeOf } from '../apns/outcome.ts';
import type { Answer, NoAnswer } from '../apns/push.ts';
import type { Kind } from '../mailboxes/collection.ts';
import { ExitCode } from '../process/errors.ts';
import { redactAccountId, redactToken } from '../process/redact.ts';
import { kindOf } from '../targets/kind.ts';
import type { Target } from '../targets/record.ts';

/** How the test push to one device ended. */
export interface TestPush {
  user: string;
  /** Shortened, as the account id. */
  deviceToken: string;
  accountId: string;
  kind: Kind;
  /** Of a collection its key. */
  mailbox: string;
  /** '' where none is known. */
  topic: string;
  /** `refused`: Apple answered otherwise. `unreachable`: no answer came. `unsent`: there was no use in sending it. */
  result: 'taken' | 'refused' | 'unreachable' | 'unsent';
  /** Status and reason, such as `410 Unregistered`. */
  answer: string | null;
  meaning: string;
}

type Ending = Pick<TestPush, 'result' | 'answer' | 'meaning'>;

export function testPush(target: Target, mailbox: string, topic: string, ending: Ending): TestPush {
  return {
    user: target.user,
    deviceToken: redactToken(target.deviceToken),
    accountId: redactAccountId(target.accountId),
    kind: kindOf(target),
    mailbox,
    topic,
    ...ending,
  };
}

/** What Apple's answer means for a push that is not tried again and changes nothing here. */
export function answered(answer: Answer): Ending {
  const said = answer.reason === undefined ? `${answer.status}` : `${answer.status} ${answer.reason}`;
  const { kind } = outcomeOf(answer);
  const result = kind === 'delivered' ? 'taken' : 'refused';
  return { result, answer: said, meaning: `${meaningOf(answer)}${CONSEQUENCES[kind]}` };
}

const CONSEQUENCES = {
  delivered: '',
  gone: ' Nothing was removed now; the next real push removes this device, unless it registers again.',
  retry: ' This holds for real pushes; the test push is not repeated.',
  rejected: '',
  misconfigured: ' See: xapplepush check.',
} as const;

export function unanswered(error: NoAnswer): Ending {
  const meaning = `No answer came from Apple: ${error.message}. See: xapplepush check.`;
  return { result: 'unreachable', answer: null, meaning };
}

export function unsent(meaning: string): Ending {
  return { result: 'unsent', answer: null, meaning };
}

/** 0 where Apple took all, 69 where no answer came for one, else 75. */
export function exitCodeOf(pushes: readonly TestPush[]): ExitCode {
  if (pushes.some(({ result }) => result === 'unreachable')) return ExitCode.unavailable;
  return pushes.every(({ result }) => result === 'taken') ? ExitCode.ok : ExitCode.tryAgain;
}

const HEADINGS = {
  taken: 'Apple took the push',
  refused: 'Apple refused the push',
  unreachable: 'no answer',
  unsent: 'not sent',
} as const;

/** For a person: a paragraph a device, and what to look at where Apple took the push and the phone does nothing. */
export function describeTestPushes(pushes: readonly TestPush[]): string {
  const paragraphs = pushes.map((push) => {
    const answer = push.answer === null ? '' : ` (${push.answer})`;
    return [
      `${push.user}, device ${push.deviceToken}, ${push.mailbox}: ${HEADINGS[push.result]}${answer}`,
      `  ${push.meaning}`,
      ...(push.topic === '' ? [] : [`  topic: ${push.topic}`]),
    ].join('\n');
  });
  const taken = pushes.find(({ result }) => result === 'taken');
  const advice = taken === undefined ? [] : [taken.kind === 'mail' ? TAKEN : TAKEN_COLLECTION];
  return `${[...paragraphs, ...advice].join('\n\n')}\n`;
}

/** Apple's part ends with the 200. */
const TAKEN = `That Apple took a push does not mean that Mail acted on it. If the phone shows nothing, look at this:
  - Is there new mail? A push only makes Mail ask the server, which the server's log shows as a connection.
  - Is the account set to Push on the phone? Settings, Mail, Accounts, Fetch New Data.
  - Is Low Power Mode off, and may Mail refresh in the background?
  - Is the topic above the one in imapd.conf (aps_topic)? Mail ignores every other one.
  - Has the phone registered within the last day? xapplepush devices list, column RENEWED. An account that was removed from the phone and added again registers anew, and the old registration stays silent.`;

const TAKEN_COLLECTION = `That Apple took a push does not mean that the app acted on it. If the device shows nothing, look at this:
  - Has anything changed? A push only makes the app ask the server, which the log of Cyrus's httpd shows.
  - Is the account set to Push? On a Mac in the settings of the app's account, on a phone under Fetch New Data.
  - Is the topic above the one in imapd.conf (aps_topic_caldav, aps_topic_carddav)?`;
