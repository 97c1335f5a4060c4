import type { Config } from '../../config/config.ts';
import { type Point, problem, warning } from '../point.ts';
import type { Doveconf } from './doveconf-output.ts';
import { lineOf, variable } from './environment.ts';
import { listed, namespacesOf } from './namespaces.ts';

/** By what our plugin is told of which mailboxes it may tell phones. */
const VARIABLE = 'XAPPLEPUSH_MAILBOXES';

/** Each with those before it. */
const VALUES = ['inbox', 'own', 'all'] as const;
type Value = (typeof VALUES)[number];

const DEFAULT: Value = 'own';

/** Whether phones are told of the mailboxes for which pushes are sent, and of no others; nothing where it is so. Pure. */
export function judgeTold(
  point: string,
  doveconf: Doveconf,
  config: Pick<Config, 'events' | 'targets'>,
): Point[] {
  const named = variable(doveconf, VARIABLE) ?? DEFAULT;
  const told = VALUES.find((value) => value === named);
  const pushed = pushedFor(config);
  const wrong = (text: string, tell = warning): Point[] => [
    tell(point, text, lineOf(doveconf, VARIABLE, pushed)),
  ];
  if (told === undefined)
    return wrong(`${VARIABLE} is ${named}, expected inbox, own or all: phones are told their own`, problem);
  if (pushed === 'inbox' && told !== 'inbox')
    return wrong('phones are told of all their mailboxes, and events tells of INBOX alone');
  const others = namespacesOf(doveconf);
  if (others.length === 0 || told === 'inbox' || told === pushed) return [];
  return told === 'all'
    ? wrong(`phones are told of mailboxes in ${listed(others)}, ${NOT_PUSHED_FOR}`)
    : wrong(`phones are not told of mailboxes in ${listed(others)}, ${PUSHED_FOR}`);
}

const NOT_PUSHED_FOR = 'and hear nothing of them, by targets.shared_mailboxes: false';
const PUSHED_FOR = 'and so cannot hear of them, whatever targets.shared_mailboxes says';

/** The mailboxes whose changes become pushes. */
function pushedFor({ events, targets }: Pick<Config, 'events' | 'targets'>): Value {
  if (!Object.values(events).includes('subscribed')) return 'inbox';
  return targets.sharedMailboxes ? 'all' : 'own';
}
