import * as v from 'valibot';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { expected } from '../events/fields.ts';
import type { Registration } from '../events/mail-event.ts';
import { MAIL_SUBTOPIC } from '../targets/target.ts';
import type { Fault } from '../targets/precedence.ts';
import { check, jsonIn, TIME } from './checking.ts';
import type { ForeignRegistration, Item } from './claim.ts';
import type { Text } from './text-lines.ts';

type Json = Record<string, unknown>;

/** The version that the plugin tells to devices. */
const APS_VERSION = 2;

/** Go's time for "never set", which the daemon writes for accounts from before it kept times. */
const GO_ZERO_MS = Date.parse('0001-01-01T00:00:00Z');

const CONTENT = v.object({
  DeviceToken: v.pipe(v.string(), v.description('a string')),
  Mailboxes: v.pipe(
    v.nullish(v.array(v.string()), []), // Go writes an empty list as null
    v.description('a list of strings'),
  ),
  RegistrationTime: v.pipe(
    v.nullish(TIME, null),
    v.transform((ms) => (ms === null || ms === GO_ZERO_MS ? undefined : ms)),
    v.description('a time in ISO 8601'),
  ),
});

/** One account in the file, whatever the layout. */
interface Account {
  user: string;
  accountId: string;
  content: object;
}

type Outcome = { claim: { kind: 'registration' } & ForeignRegistration } | { fault: Fault };
type Found = Account | { user: string; fault: Fault };

/** The accounts in a database of dovecot-xaps-daemon. Throws OperatorError (exit 65) where it is none. */
export function databaseItems(file: Text): Item[] {
  if ('fault' in file) throw refused(`the file is ${file.fault.reason}`);
  const items = xapsItems(jsonIn(file.text));
  if (items === undefined) throw refused('this is not a database of dovecot-xaps-daemon');
  return items;
}

function refused(message: string): OperatorError {
  return new OperatorError(message, {
    exitCode: ExitCode.badInput,
    hint: 'it is one JSON object with Users and their Accounts; --format names another format',
  });
}

/**
 * The registrations in the database of dovecot-xaps-daemon, undefined where the value is none. Two layouts: that of
 * the daemon in Go, `Users`, `Accounts`, `DeviceToken`, `Mailboxes`, and since 2018 `RegistrationTime`; and that of
 * the first daemon, in Python (xapsd.json), user, `accounts`, `devices`, `mailboxes`, without times.
 */
export function xapsItems(value: unknown): Item[] | undefined {
  const accounts = accountsIn(value);
  return accounts?.map((account, index) => ({ place: index + 1, ...itemOf(account) }));
}

function accountsIn(value: unknown): Found[] | undefined {
  if (!isObject(value)) return undefined;
  const { Users } = value;
  if (isObject(Users)) return Object.entries(Users).flatMap(([user, each]) => goAccounts(user, each));
  const users = Object.entries(value);
  if (users.length === 0 || !users.every(([, each]) => isObject(each) && isObject(each['accounts'])))
    return undefined;
  return users.flatMap(([user, each]) => pythonAccounts(user, each as Json));
}

function goAccounts(user: string, value: unknown): Found[] {
  const accounts = isObject(value) ? (value['Accounts'] ?? {}) : undefined;
  if (!isObject(accounts)) return [{ user, fault: { reason: 'expected an object with Accounts' } }];
  return Object.entries(accounts).map(([accountId, account]) => {
    if (!isObject(account)) return { user, fault: { reason: expected('an object', 'account', account) } };
    return { user, accountId, content: account };
  });
}

function pythonAccounts(user: string, value: Json): Found[] {
  return Object.entries(value['accounts'] as Json).flatMap(([accountId, account]): Found[] => {
    const devices = isObject(account) ? account['devices'] : undefined;
    if (!isObject(devices)) return [{ user, fault: { reason: expected('an object', 'devices', devices) } }];
    return Object.entries(devices).map(([DeviceToken, device]) => {
      const Mailboxes = isObject(device) ? device['mailboxes'] : undefined;
      return { user, accountId, content: { DeviceToken, Mailboxes } };
    });
  });
}

function itemOf(account: Found): Omit<Item, 'place'> & Outcome {
  return 'fault' in account ? account : { user: account.user, ...registrationIn(account) };
}

function registrationIn({ user, accountId, content }: Account): Outcome {
  const checked = check(CONTENT, content);
  if ('fault' in checked) return checked;
  const { DeviceToken: deviceToken, Mailboxes: mailboxes, RegistrationTime: registeredMs } = checked.value;
  const registration: Registration = {
    kind: 'registration',
    source: 'xaps',
    user,
    accountId,
    deviceToken,
    subtopic: MAIL_SUBTOPIC, // the daemon takes no other
    apsVersion: APS_VERSION,
    mailboxes,
  };
  const times = { registeredMs, renewedMs: registeredMs };
  return { claim: { kind: 'registration', registration, topic: undefined, ...times } };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
