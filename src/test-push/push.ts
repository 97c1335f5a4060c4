import { isSameInAscii } from '../process/ascii-case.ts';
import { randomUUID } from 'node:crypto';
import { readCredentials, troubleError, usableOf } from '../apns/credentials/watch.ts';
import { NoAnswer } from '../apns/push.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import { withStore } from '../store/configured.ts';
import type { Target } from '../targets/record.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { INBOX } from '../mailboxes/mailbox.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import { type PushContent, pushOf } from '../delivery/push-of.ts';
import { type Route, routeFor } from '../delivery/route.ts';
import { routesOf } from '../delivery/routes.ts';
import { meantBy } from './cyrus-name.ts';
import { answered, exitCodeOf, type TestPush, testPush, unanswered, unsent } from './report.ts';
import type { Subscription } from '../targets/subscription.ts';

export interface TestPushOptions {
  config: Config;
  clock: Clock;
  user: string;
  /** As its owner sees it. */
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
  { config, user }: TestPushOptions,
  mailbox: string,
): Promise<Device[]> {
  const targets = await store.listTargets({ user: comparableUser(user, config.users) });
  const devices = await Promise.all(
    targets.map(async (target) => ({ target, subscriptions: await store.subscriptionsOf(target.id) })),
  );
  if (devices.length === 0) throw noDevice(user);
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
  return mailbox === INBOX || subscriptionTo(device, mailbox) !== undefined;
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
  const topic = target.topic === '' ? (routes[0]?.credential.topic ?? '') : target.topic;
  const end = (ending: Parameters<typeof testPush>[3]): TestPush => testPush(target, mailbox, topic, ending);
  const untold = whyUntold(device, mailbox);
  if (untold !== undefined) return end(unsent(untold));
  const route = routeFor(routes, topic);
  if (route === undefined) return end(unsent(NOT_COVERED));
  if (route.unusable !== undefined) return end(unsent(`Its credential cannot be used: ${route.unusable}.`));
  const expirationS = Math.floor((clock.nowMs() + config.delivery.expiryMs) / 1000);
  try {
    return end(
      answered(await route.line.push(pushOf(rowFor(device, mailbox), topic, expirationS), timeoutMs)),
    );
  } catch (error) {
    if (error instanceof NoAnswer) return end(unanswered(error));
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
function rowFor(device: Device, mailbox: string): PushContent {
  const { user, deviceToken, accountId, topic } = device.target;
  const { owner = user, hash } = subscriptionTo(device, mailbox) ?? {};
  const inbox = mailbox === INBOX && owner === user;
  const mailboxes = [{ owner, path: mailbox, hash, inbox }];
  return { apnsId: randomUUID(), generation: 1, deviceToken, accountId, topic, mailboxes };
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
