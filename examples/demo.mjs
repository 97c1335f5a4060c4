// Shows what xapplepush does, with a stand-in for Apple: npm run demo. It needs nothing but Node and the build.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, list, logged, notify, pushAfter, quiet, stage } from './demo-stage.mjs';

const coloured = process.stdout.isTTY && !process.env['NO_COLOR'];
const painted = (code) => (text) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
const [bold, green, grey] = [painted(1), painted(32), painted(2)];

/** The story, in order. Whatever is not as expected ends it with exit code 1. */
async function play(world) {
  show(bold('xapplepush: new mail on an iPhone, step by step'));
  show('All of this happens in a temporary folder on this machine: no root, no network, no Apple.');
  show('`xapplepush mock-apns` stands in for Apple. The events were captured from a real Cyrus server');
  show("and reach the command as Cyrus's notifyd passes them on.");
  await registers(world);
  await delivers(world, {
    title: "A message arrives in Alice's INBOX",
    file: 'message-in-inbox.json',
    meaning: '"look at INBOX". No sender, no subject, no text',
  });
  await delivers(world, {
    title: 'A message is filed into her folder Archive',
    file: 'message-in-folder.json',
    folder: 'Archive',
    meaning: '"look at folder m", the MD5 hash of Archive',
  });
  await delivers(world, {
    title: 'Alice reads a message in her INBOX on her laptop',
    file: 'message-read.json',
    meaning: '"look at INBOX", so that the phone shows it as read too',
  });
  await concernsNobody(world);
  await lists(world, 'The administrator looks who gets pushes', /^alice .*80aa34cb/m);
  await losesThePhone(world);
  await lists(world, 'The administrator looks again', /^no devices$/m);
  await quiet(world);
  check(world.pushes.length === 4, `Apple received ${world.pushes.length} pushes in all, expected 4`);
  show(
    `\n${green('All as expected:')} 6 events, 4 pushes. Nothing is left running, and the folder is removed.`,
  );
}

async function registers(world) {
  begin(world, 'Alice switches on push for her mail account on her iPhone');
  const { event, tookMs } = await notify(world, 'registration.json');
  tell('mail server', `${event.event}: ${event.user} wants to hear of ${event.mailboxes.join(', ')}`);
  const line = await logged(world, 'registered');
  check(line.mailboxes.length === 4, `${line.mailboxes.length} mailboxes are registered, expected 4`);
  tell('xapplepush', `wrote down her device ${line.deviceToken} and the 4 mailboxes, in ${tookMs} ms`);
  heardNothing(world, 'registering is between the phone and this server');
}

async function delivers(world, { title, file, folder, meaning }) {
  const push = await pushed(world, { title, file, folder, answer: '200', ending: 'delivered to Apple' });
  tell('Apple', `received a push to ${short(push.deviceToken)}: ${meaning}`);
  tell('', JSON.stringify(push.payload).replace(push.accountId, `${push.accountId.slice(0, 8)}…`));
}

async function losesThePhone(world) {
  writeFileSync(join(world.apple, 'answers.json'), JSON.stringify({ '*': ['410/Unregistered'] }));
  const push = await pushed(world, {
    title: 'Alice has erased her phone, and another message arrives',
    file: 'message-after-the-phone-is-gone.json',
    answer: '410/Unregistered',
    ending: 'Apple no longer knows the device: device removed',
  });
  tell('Apple', `answered 410 to the push to ${short(push.deviceToken)}: "I know this device no more"`);
  tell('xapplepush', 'removed the device: nothing is sent to it again');
}

/** Feeds an event for Alice's phone; gives the push that Apple received for it. */
async function pushed(world, { title, file, folder, answer, ending }) {
  begin(world, title);
  const heard = world.pushes.length;
  const { event, tookMs } = await notify(world, file);
  tell('mail server', `${event.event} in ${event.uri}`);
  const { mailboxes, targets } = await logged(world, 'enqueued');
  tell(
    'xapplepush',
    `${targets} device wants to hear of ${mailboxes[0]}: wrote down that a push waits for it`,
  );
  tell('', `let the mail server go on after ${tookMs} ms; a process in the background sent the push`);
  const push = await pushAfter(world, heard);
  await logged(world, ending);
  const hash = folder && createHash('md5').update(folder).digest('hex');
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
  begin(world, 'A message arrives for Bob, who has no iPhone');
  const { event, tookMs } = await notify(world, 'message-for-somebody-else.json');
  tell('mail server', `${event.event} in ${event.uri}`);
  const { mailboxes } = await logged(world, 'nobody subscribed');
  tell('xapplepush', `no device wants to hear of ${mailboxes[0]}: done, after ${tookMs} ms`);
  heardNothing(world, 'it never learns that there is a Bob');
}

async function lists(world, title, expected) {
  begin(world, title);
  const text = await list(world);
  check(expected.test(text), `"xapplepush devices list" printed:\n${text}`);
  show(`   $ xapplepush devices list\n${text.trimEnd().replace(/^/gm, '   ')}`);
}

function heardNothing(world, why) {
  check(world.pushes.length === world.heardBefore, 'Apple received a push, expected none');
  tell('Apple', `received nothing: ${why}`);
}

function begin(world, title) {
  world.step += 1;
  world.heardBefore = world.pushes.length;
  world.logSeen = world.logLines().length;
  show(`\n${bold(`${world.step}  ${title}`)}`);
}

function tell(who, what) {
  show(`   ${grey(who.padEnd(11))}  ${what}`);
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
