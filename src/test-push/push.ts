import { isSameInAscii } from '../process/ascii-case.ts';
import { randomUUID } from 'node:crypto';
import { readCredentials, troubleError, usableOf } from '../apns/credentials/watch.ts';
import { NoAnswer, type Push } from '../apns/push.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import { withStore } from '../store/configured.ts';
import type { Target } from '../targets/record.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import type { Kind } from '../mailboxes/collection.ts';
import { INBOX } from '../mailboxes/mailbox.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import { type PushContent, pushOf } from '../delivery/push-of.ts';
import { type Route, routeFor } from '../delivery/route.ts';
import { routesOf } from '../delivery/routes.ts';
import { kindOf } from '../targets/kind.ts';
import { isOfMail, noCollection, whyExpired } from './collections.ts';
import { meantBy } from './cyrus-name.ts';
import { answered, exitCodeOf, type TestPush, testPush, unanswered, unsent } from './report.ts';
import type { Subscription } from '../targets/subscription.ts';

export interface TestPushOptions {
  config: Config;
  clock: Clock;
  user: string;
  /** By default Mail. */
  kind?: Kind;
  /** As its owner sees it; of Mail alone. */
  mailbox: string;
  /** For connecting, and for each answer. */
  timeoutMs?: number;
}

/** Apple answers within a second. */
const TIMEOUT_MS = 10_000;

interface Device {
  target: Target;
  subscriptions: Subscription[];
}

/**
 * Sends a push to each of the user's devices, past the outbox, and notes nothing of it: neither success nor a
 * device that is gone. Throws OperatorError: 65 where the user has no device or none asked for the mailbox, 75 where the database
 * and 78 where no credential can be used.
 */
export async function pushToUser(
  options: TestPushOptions,
): Promise<{ pushes: TestPush[]; exitCode: ExitCode }> {
  const { config, clock } = options;
  const mailbox = isSameInAscii(options.mailbox, INBOX) ? INBOX : options.mailbox;
  return withStore(config, async (store) => {
    const devices = await devicesOf(store, options, mailbox);
    const credentials = readCredentials(config.apns, clock.nowMs());
    if (usableOf(credentials).length === 0) throw troubleError(credentials);
    const routes = routesOf(credentials, { config, store, clock });
    const pushes = await pushToAll(devices, mailbox, routes, options);
    return { pushes, exitCode: exitCodeOf(pushes) };
  });
}

async function devicesOf(
  store: Store,
  { config, user, kind = 'mail' }: TestPushOptions,
  mailbox: string,
): Promise<Device[]> {
  const all = await store.listTargets({ user: comparableUser(user, config.users) });
  const targets = all.filter((target) => kindOf(target) === kind);
  const devices = await Promise.all(
    targets.map(async (target) => ({ target, subscriptions: await store.subscriptionsOf(target.id) })),
  );
  if (devices.length === 0) throw kind === 'mail' ? noDevice(user) : noCollection(user, kind);
  if (!devices.some((device) => hears(device, mailbox))) throw noSubscription(user, mailbox, devices);
  return devices;
}

async function pushToAll(
  devices: readonly Device[],
  mailbox: string,
  routes: readonly Route[],
  options: TestPushOptions,
): Promise<TestPush[]> {
  try {
    return await Promise.all(devices.map((device) => pushToDevice(device, mailbox, routes, options)));
  } finally {
    await Promise.all(routes.map(({ line }) => line.close()));
  }
}

/** Mail looks at INBOX for every push without names, so that this needs no subscription. */
function hears(device: Device, mailbox: string): boolean {
  return mailbox === INBOX || !isOfMail(device) || subscriptionTo(device, mailbox) !== undefined;
}

/** Why a device hears nothing of that mailbox; undefined where it does. Without a name, Mail would look into INBOX. */
function whyUntold(device: Device, mailbox: string): string | undefined {
  if (!hears(device, mailbox)) return `This device asked for ${pathsOf([device])} only.`;
  return mailbox === INBOX || subscriptionTo(device, mailbox)?.hash !== undefined ? undefined : UNNAMED;
}

function subscriptionTo({ target, subscriptions }: Device, mailbox: string): Subscription | undefined {
  const matching = subscriptions.filter(({ path }) => path === mailbox);
  return matching.find(({ owner }) => owner === target.user) ?? matching[0];
}

async function pushToDevice(
  device: Device,
  mailbox: string,
  routes: readonly Route[],
  { clock, config, timeoutMs = TIMEOUT_MS }: TestPushOptions,
): Promise<TestPush> {
  const { target } = device;
  const nowMs = clock.nowMs();
  const topic = target.topic === '' ? (routes[0]?.credential.topic ?? '') : target.topic;
  const end = (ending: Parameters<typeof testPush>[3]): TestPush =>
    testPush(target, isOfMail(device) ? mailbox : target.accountId, topic, ending);
  const route = routeFor(routes, topic);
  const untold = isOfMail(device) ? whyUntold(device, mailbox) : whyExpired(target, nowMs);
  if (untold !== undefined || route === undefined) return end(unsent(untold ?? NOT_COVERED));
  if (route.unusable !== undefined) return end(unsent(`Its credential cannot be used: ${route.unusable}.`));
  const { expiryMs } = config.delivery;
  const push = pushOf(rowFor(device, mailbox, nowMs), topic, { nowMs, expiryMs });
  return end(await sent(route, push, timeoutMs));
}

async function sent(route: Route, push: Push, timeoutMs: number): Promise<Parameters<typeof testPush>[3]> {
  try {
    return answered(await route.line.push(push, timeoutMs));
  } catch (error) {
    if (error instanceof NoAnswer) return unanswered(error);
    throw error;
  }
}

const UNNAMED =
  'This device was told no names of mailboxes when it registered, so it hears of INBOX alone. The plugin of ' +
  'xapplepush for Dovecot tells them.';

const NOT_COVERED =
  'No configured credential is for the topic that this device registered with: it must register again, which a ' +
  'phone does daily, or the credential of that topic must be configured too.';

/** A row as the outbox would have it, so that the test push is what a real one is. */
function rowFor(device: Device, mailbox: string, nowMs: number): PushContent {
  const { user, deviceToken, accountId, topic } = device.target;
  const row = { apnsId: randomUUID(), generation: 1, deviceToken, accountId, topic, eventMs: nowMs };
  if (!isOfMail(device))
    return { ...row, mailboxes: device.subscriptions.map((each) => ({ ...each, inbox: false })) };
  const { owner = user, hash } = subscriptionTo(device, mailbox) ?? {};
  const inbox = mailbox === INBOX && owner === user;
  return { ...row, mailboxes: [{ owner, path: mailbox, hash, inbox }] };
}

function pathsOf(devices: readonly Device[]): string {
  const paths = devices.flatMap(({ subscriptions }) => subscriptions.map(({ path }) => path));
  return [...new Set(paths)].sort().join(', ') || 'no mailbox';
}

function noDevice(user: string): OperatorError {
  const meant = meantBy(user);
  if (meant !== undefined)
    return new OperatorError(`${JSON.stringify(user)} is a mailbox of Cyrus, not a user`, {
      exitCode: ExitCode.badInput,
      hint: `the user is ${JSON.stringify(meant.user)}: ${commandFor(meant.user, meant.mailbox)}`,
    });
  return new OperatorError(`user ${JSON.stringify(user)} has no device that gets pushes`, {
    exitCode: ExitCode.badInput,
    hint: 'see who has: xapplepush devices list. A phone registers when the account is set to Push in Fetch New Data',
  });
}

/** As its owner sees it: without the user, and without the INBOX above it. */
function ownName(mailbox: string, devices: readonly Device[]): string | undefined {
  const own =
    meantBy(mailbox) === undefined
      ? /^INBOX[./](.+)$/i.exec(mailbox)?.[1]
      : (meantBy(mailbox)?.mailbox ?? INBOX);
  return own !== undefined && devices.some((device) => hears(device, own)) ? own : undefined;
}

function commandFor(user: string, mailbox: string | undefined): string {
  return ['xapplepush push', user, ...(mailbox === undefined ? [] : ['--mailbox', mailbox])].join(' ');
}

function noSubscription(user: string, mailbox: string, devices: readonly Device[]): OperatorError {
  const own = ownName(mailbox, devices);
  if (own !== undefined)
    return new OperatorError(
      `${JSON.stringify(mailbox)} is how Cyrus names the mailbox; devices ask for ${JSON.stringify(own)}`,
      {
        exitCode: ExitCode.badInput,
        hint: `name it as its owner sees it: ${commandFor(user, own)}`,
      },
    );
  return new OperatorError(`no device of ${user} asked for the mailbox ${JSON.stringify(mailbox)}`, {
    exitCode: ExitCode.badInput,
    hint: `its devices asked for: ${pathsOf(devices)}`,
  });
}
