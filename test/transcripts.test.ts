import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../src/store/sqlite/driver.ts';
import { configFor, startTestApns } from './support/apns.ts';
import {
  COMMAND,
  configure,
  createSandbox,
  environmentOf,
  imapdConfOf,
  type Sandbox,
} from './support/command.ts';
import { parseTranscript, playCommand, type TranscriptPart } from './support/transcript.ts';

/*
 * Each file of transcripts/ is played from top to bottom in a sandbox of its own, and must come out as it is.
 *
 *   # …                          a comment
 *   $ xapplepush devices list    a line of shell, its output in pipes; what it said on standard error begins with `! `
 *   % xapplepush status          the same on a terminal of 100 columns and 30 rows; `60x20% …` on a smaller one
 *     after "[y/N]" type "y\r"   what is typed there, and what the screen shows before it; strings of JSON
 *   [exit 0]                     the exit code ends the output
 *   @ apns                       starts a stand-in for Apple and configures it; its files are in the folder `apns`
 *   @ answer *=410/Unregistered  how that answers from now on
 *   @ config log: {level: warn}  a further line of the configuration
 *   @ sql UPDATE targets …       changes the database, such as the age of its rows
 *
 * The folder in which a line runs has the files of fixtures/transcripts. What differs between runs, such as times, is
 * replaced (VOLATILE in support/transcript.ts). A new line needs no output: with UPDATE_TRANSCRIPTS=1 the files are
 * written as they are played.
 */
const FOLDER = fileURLToPath(new URL('transcripts/', import.meta.url));
const FIXTURES = fileURLToPath(new URL('fixtures/transcripts/', import.meta.url));
const isUpdate = process.env['UPDATE_TRANSCRIPTS'] === '1';

test.each(readdirSync(FOLDER).sort())('%s', { timeout: 120_000 }, async (name) => {
  const text = readFileSync(join(FOLDER, name), 'utf8');
  const played = await play(parseTranscript(text));
  if (isUpdate) writeFileSync(join(FOLDER, name), played);
  else expect(played).toBe(text);
});

async function play(parts: TranscriptPart[]): Promise<string> {
  const stage = createStage();
  const texts: string[] = [];
  for (const part of parts) {
    if (part.kind === 'text') texts.push(`${part.line}\n`);
    else if (part.kind === 'command') texts.push(await playCommand(part, stage));
    else {
      await stage.set(part.name, part.value);
      texts.push(`@ ${part.name} ${part.value}`.trimEnd(), '\n');
    }
  }
  return texts.join('');
}

interface Stage {
  cwd: string;
  env: Record<string, string>;
  set: (name: string, value: string) => Promise<void> | void;
}

function createStage(): Stage {
  const sandbox = createSandbox('', 'xapplepush-transcript-');
  onTestFinished(() => {
    sandbox.remove();
  });
  const { dir } = sandbox;
  cpSync(FIXTURES, dir, { recursive: true });
  mkdirSync(join(dir, 'bin'));
  symlinkSync(COMMAND, join(dir, 'bin/xapplepush'));
  configure(sandbox, '');
  const env = { ...environmentOf(sandbox.configFile), PATH: `${dir}/bin:/usr/bin:/bin`, HOME: dir };
  return { cwd: dir, env, set: settings(sandbox) };
}

function settings(sandbox: Sandbox): Stage['set'] {
  let yaml = '';
  let apns: Awaited<ReturnType<typeof startTestApns>> | undefined;
  const add = (lines: string): void => configure(sandbox, (yaml += lines));
  return async (name, value) => {
    if (name === 'config') add(`${value}\n`);
    else if (name === 'apns') {
      const mock = (apns = await startTestApns());
      onTestFinished(() => mock.close());
      symlinkSync(mock.dir, join(sandbox.dir, 'apns'));
      writeFileSync(join(sandbox.dir, 'imapd.conf'), imapdConfOf(COMMAND, `aps_topic: ${mock.topic}`));
      add(configFor(mock).replaceAll(mock.dir, join(sandbox.dir, 'apns')));
    } else if (name === 'answer') {
      const [token = '', answer = ''] = value.split('=');
      apns?.setAnswers(token, [answer as '200']);
    } else if (name === 'sql') changeDatabase(sandbox.store, value);
    else throw new Error(`there is no setting ${name}`);
  };
}

function changeDatabase(file: string, sql: string): void {
  const database = connect(file);
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}
