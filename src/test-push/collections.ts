import type { CollectionKind } from '../mailboxes/collection.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { timeText } from '../process/text.ts';
import { kindOf } from '../targets/kind.ts';
import type { Target } from '../targets/record.ts';

export function isOfMail({ target }: { target: Target }): boolean {
  return kindOf(target) === 'mail';
}

/** Why no push goes out for a collection that has not been asked for again; undefined where it is well. */
export function whyExpired({ expiresMs }: Target, nowMs: number): string | undefined {
  if (typeof expiresMs !== 'number' || expiresMs > nowMs) return undefined;
  return `This subscription ran out on ${timeText(expiresMs)}: the device must ask again, which one in use does daily.`;
}

const NAMES: Readonly<Record<CollectionKind, string>> = {
  calendar: 'a calendar',
  contacts: 'an address book',
};

export function noCollection(user: string, kind: CollectionKind): OperatorError {
  return new OperatorError(
    `no device of user ${JSON.stringify(user)} has asked for pushes of ${NAMES[kind]}`,
    {
      exitCode: ExitCode.badInput,
      hint: 'see who has: xapplepush devices list. What Cyrus needs for it: xapplepush check',
    },
  );
}
