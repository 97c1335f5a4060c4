import { expected } from '../events/fields.ts';
import type { Registration } from '../events/mail-event.ts';
import { MAIL_SUBTOPIC } from '../targets/target.ts';
import type { Fault } from '../targets/precedence.ts';
import type { ForeignRegistration, Item } from './claim.ts';
import { instantOf } from './instant.ts';

type Json = Record<string, unknown>;

/** The version that the plugin tells to devices. */
const APS_VERSION = 2;

/** One account in the file, whatever the layout. */
interface Account {
  user: string;
  accountId: string;
  deviceToken: unknown;
  mailboxes: unknown;
  registrationTime: unknown;
}

type Found = Account | { user: string; fault: Fault };

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
    const { DeviceToken: deviceToken, Mailboxes: mailboxes, RegistrationTime: registrationTime } = account;
    return { user, accountId, deviceToken, mailboxes, registrationTime };
  });
}

function pythonAccounts(user: string, value: Json): Found[] {
  return Object.entries(value['accounts'] as Json).flatMap(([accountId, account]): Found[] => {
    const devices = isObject(account) ? account['devices'] : undefined;
    if (!isObject(devices)) return [{ user, fault: { reason: expected('an object', 'devices', devices) } }];
    return Object.entries(devices).map(([deviceToken, device]) => {
      const mailboxes = isObject(device) ? device['mailboxes'] : undefined;
      return { user, accountId, deviceToken, mailboxes, registrationTime: undefined };
    });
  });
}

function itemOf(account: Found): Omit<Item, 'place'> & Outcome {
  if ('fault' in account) return account;
  const { user } = account;
  const read = registrationIn(account);
  return 'reason' in read ? { user, fault: read } : { user, claim: { kind: 'registration', ...read } };
}

type Outcome = { claim: { kind: 'registration' } & ForeignRegistration } | { fault: Fault };

function registrationIn(account: Account): ForeignRegistration | Fault {
  const { user, accountId, deviceToken, registrationTime } = account;
  const mailboxes = account.mailboxes ?? []; // Go writes an empty list as null
  if (typeof deviceToken !== 'string') return { reason: expected('a string', 'DeviceToken', deviceToken) };
  if (!isStrings(mailboxes)) return { reason: 'Mailboxes: expected a list of strings' };
  const registeredMs = registrationMs(registrationTime);
  if (registeredMs === 'none')
    return { reason: expected('a time in ISO 8601', 'RegistrationTime', registrationTime) };
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
  return { registration, topic: undefined, registeredMs, renewedMs: registeredMs };
}

/** Go's time for "never set", which the daemon writes for accounts from before it kept times. */
const GO_ZERO_TIME = '0001-01-01T00:00:00Z';

function registrationMs(value: unknown): number | undefined | 'none' {
  if (value === undefined || value === null || value === GO_ZERO_TIME) return undefined;
  return (typeof value === 'string' ? instantOf(value) : undefined) ?? 'none';
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
