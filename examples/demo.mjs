// Shows what xapplepush does, with a stand-in for Apple: npm run demo. It needs nothing but Node and the build.
// --verbose shows the events and pushes themselves, --slow waits after each step, for an audience.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  appleIsBack,
  appleIsGone,
  ask,
  check,
  logged,
  notify,
  pushAfter,
  quiet,
  stage,
} from './demo-stage.mjs';

const SLOW_MS = 4000;

const { verbose, slow } = parseArgs({
  options: { verbose: { type: 'boolean' }, slow: { type: 'boolean' } },
}).values;
const coloured = process.stdout.isTTY && !process.env['NO_COLOR'];
const painted = (code) => (text) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
const [bold, green, grey] = [painted(1), painted(32), painted(2)];

/** The story, in order. Whatever is not as expected ends it with exit code 1. */
async function play(world) {
  show(bold('xapplepush: new mail on an iPhone, step by step'));
  show(
    'An iPhone shows new mail at once only if the mail server has Apple tell it. Here is how that is done.',
  );
  show('All of it happens in a temporary folder: no root, no network, no Apple. A stand-in plays Apple,');
  show('and the events were captured from a real Cyrus.');
  await registers(world);
  await delivers(world, {
    title: "A message arrives in Alice's INBOX",
    file: 'message-in-inbox.json',
    meaning: '"look at INBOX". No sender, no subject, no text',
  });
  await delivers(world, {
    title: 'A message is filed into her mailbox Archive',
    file: 'message-in-folder.json',
    mailbox: 'Archive',
    meaning: '"look at the mailbox with this MD5 hash", which is that of Archive',
  });
  await delivers(world, {
    title: 'Alice reads a message in her INBOX on her laptop',
    file: 'message-read.json',
    meaning: '"look at INBOX", so that the phone shows it as read too',
  });
  await concernsNobody(world);
  await losesTheConnection(world);
  await shows(world, 'Is it working?', ['status'], /^devices +1, of 1 user/m);
  await shows(
    world,
    'Why did the last push come late?',
    ['log', '--pushes', '--limit', '4'],
    /Apple took the push/,
  );
  await losesThePhone(world);
  await shows(world, 'Who gets pushes now?', ['devices', 'list'], /^no devices$/m);
  await quiet(world);
  check(world.pushes.length === 5, `Apple received ${world.pushes.length} pushes in all, expected 5`);
  show(
    `\n${green('All as expected:')} 7 events, 5 pushes. Nothing is left running, and the folder is removed.`,
  );
  show('Next: docs/install.md takes you to the first push on a real phone, and');
  show('`xapplepush check` says at each step what is missing.');
}

async function registers(world) {
  await begin(world, 'Alice switches on push for her mail account on her iPhone');
  const { event, tookMs } = await notify(world, 'registration.json');
  tell('mail server', `${event.event}: ${event.user} wants to hear of ${event.mailboxes.join(', ')}`);
  detail(JSON.stringify(event).replaceAll(/"([0-9A-Fa-f-]{8})[0-9A-Fa-f-]{24,}"/g, '"$1…"'));
  const line = await logged(world, 'registered');
  check(line.mailboxes.length === 4, `${line.mailboxes.length} mailboxes are registered, expected 4`);
  tell('xapplepush', `wrote down her device ${line.deviceToken} and the 4 mailboxes, in ${tookMs} ms`);
  heardNothing(world, 'registering is between the phone and this server');
}

async function delivers(world, { title, file, mailbox, meaning }) {
  const push = await pushed(world, { title, file, mailbox, answer: '200', ending: 'delivered to Apple' });
  tell('Apple', `received a push to ${short(push.deviceToken)}: ${meaning}`);
  detail(JSON.stringify(push.payload).replace(push.accountId, `${push.accountId.slice(0, 8)}…`));
}

/** Apple cannot be reached, which is no reason for the mail server to wait, nor for anything to be lost. */
async function losesTheConnection(world) {
  await begin(world, 'The line to Apple is cut, and a message arrives');
  await quiet(world);
  await appleIsGone(world);
  const { event, tookMs } = await notify(world, 'message-in-inbox.json');
  tell('mail server', `${event.event}: went on after ${tookMs} ms`);
  await logged(world, 'not delivered, will be tried again');
  heardNothing(world, 'it cannot be reached');
  tell('xapplepush', 'keeps the push, and tries again: after seconds, minutes, half an hour');
  const heard = world.pushes.length;
  await appleIsBack(world);
  await ask(world, ['flush', '--all']);
  const push = await pushAfter(world, heard);
  expectPush(world, push, { answer: '200' });
  tell('Apple', 'is back, and receives the push');
}

async function losesThePhone(world) {
  writeFileSync(join(world.apple, 'answers.json'), JSON.stringify({ '*': ['410/Unregistered'] }));
  const push = await pushed(world, {
    title: 'Alice has erased her phone, and another message arrives',
    file: 'message-after-the-phone-is-gone.json',
    answer: '410/Unregistered',
    ending: 'Apple no longer knows the device: device removed',
  });
  tell('Apple', `answered 410 to the push to ${short(push.deviceToken)}: "I no longer know this device"`);
  tell('xapplepush', 'removed the device: nothing is sent to it again');
}

/** Feeds an event for Alice's phone; gives the push that Apple received for it. */
async function pushed(world, { title, file, mailbox, answer, ending }) {
  await begin(world, title);
  const heard = world.pushes.length;
  const { event, tookMs, startMs } = await notify(world, file);
  tell('mail server', event.event);
  detail(event.uri);
  const { mailboxes, targets } = await logged(world, 'enqueued');
  tell(
    'xapplepush',
    `${targets} device wants to hear of ${mailboxes[0]}: wrote down that a push waits for it`,
  );
  const push = await pushAfter(world, heard);
  tell('', `the mail server went on after ${tookMs} ms, Apple had the push after ${push.atMs - startMs} ms`);
  await logged(world, ending);
  const hash = mailbox && createHash('md5').update(mailbox).digest('hex');
  expectPush(world, push, { answer, m: hash && [hash] });
  return push;
}

function expectPush({ phone, topic }, push, expected) {
  const wanted = { deviceToken: phone.apsDeviceToken, accountId: phone.apsAccountId, topic, ...expected };
  for (const [name, value] of Object.entries(wanted)) {
    const [got, want] = [push[name], value].map((one) => JSON.stringify(one) ?? 'none');
    check(got === want, `Apple received a push with ${name} ${got}, expected ${want}`);
  }
}

async function concernsNobody(world) {
  await begin(world, 'A message arrives for Bob, who has no iPhone');
  const { event, tookMs } = await notify(world, 'message-for-somebody-else.json');
  tell('mail server', event.event);
  detail(event.uri);
  const { mailboxes } = await logged(world, 'nobody subscribed');
  tell('xapplepush', `no device wants to hear of ${mailboxes[0]}: done, after ${tookMs} ms`);
  heardNothing(world, 'it never learns that there is a Bob');
}

/** What the administrator asks, and is told. */
async function shows(world, title, words, expected) {
  await begin(world, title);
  const text = await ask(world, words);
  check(expected.test(text), `"xapplepush ${words.join(' ')}" printed:\n${text}`);
  show(`   $ xapplepush ${words.join(' ')}\n${text.trimEnd().replace(/^/gm, '   ')}`);
}

function heardNothing(world, why) {
  check(world.pushes.length === world.heardBefore, 'Apple received a push, expected none');
  tell('Apple', `received nothing: ${why}`);
}

async function begin(world, title) {
  if (slow) await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  world.step += 1;
  world.heardBefore = world.pushes.length;
  world.logSeen = world.logLines().length;
  show(`\n${bold(`${world.step}  ${title}`)}`);
}

function tell(who, what) {
  show(`   ${grey(who.padEnd(11))}  ${what}`);
}

function detail(text) {
  if (verbose) tell('', grey(text));
}

function short(token) {
  return `${token.slice(0, 8)}…${token.slice(-4)}`;
}

function show(line) {
  process.stdout.write(`${line}\n`);
}

try {
  await stage(play);
} catch (error) {
  process.stderr.write(`\nThe demo failed: ${error.message}\n`);
  process.exitCode = 1;
}
