import { existsSync } from 'node:fs';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { apsTopicOf, namespaceOf, readImapdConf } from '../config/imapd-conf.ts';
import { openConfigured } from '../store/configured.ts';
import type { Store } from '../store/store.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { createTopicSource } from '../intake/registration-topic.ts';
import type { TransferRules } from './admission.ts';
import { type Format, formatOf, FORMATS, itemsOf } from './formats.ts';
import { type Input, peek } from './input.ts';
import type { PrecedenceRules } from '../targets/precedence.ts';
import { createProgress } from './progress.ts';
import { type ImportFacts, type ImportReport, reportJson, reportText } from './report.ts';
import { takeAll } from './take-all.ts';
import { rehearseOn, type Take, takeInto } from './taking.ts';

export interface ImportOptions {
  input: Input;
  /** As it was given; undefined: to be recognised. */
  format: string | undefined;
  /** For targets that name none; undefined: the configured one. */
  topic: string | undefined;
  dryRun: boolean;
  json: boolean;
}

export interface ImportContext {
  config: Config;
  log: Log;
  clock: Clock;
  out: (text: string) => void;
  /** Undefined where standard error is no terminal. */
  terminal: ((text: string) => void) | undefined;
}

/**
 * Takes the targets of a file and tells what became of them; exit code 65 where some were skipped.
 * Throws OperatorError where the file, or the database, cannot be used.
 */
export async function importTargets(options: ImportOptions, context: ImportContext): Promise<ExitCode> {
  const { input, dryRun, json } = options;
  const named = options.format === undefined ? undefined : formatNamed(options.format);
  const { head, chunks } = peek(input.chunks);
  const format = named ?? recognised(head);
  const { rules, topic } = await rulesFor(format, options.topic, context);
  const items = itemsOf(format, chunks);
  const latestMs = Math.min(input.modifiedMs ?? rules.nowMs, rules.nowMs);
  const { maxPerUser } = context.config.targets;
  // A database.json is read before any of it is taken.
  const part = (done: number): number | undefined =>
    Array.isArray(items) ? done / items.length : input.readPart();
  const progress = createProgress({ write: context.terminal, clock: context.clock, part });
  const report = await withTake(context, dryRun, { maxPerUser, latestMs }, (take) =>
    takeAll(items, { rules, take, shown: progress.show }),
  ).finally(progress.end);
  tell(report, { format, dryRun, topic }, json, context.out);
  return report.skipped > 0 ? ExitCode.badInput : ExitCode.ok;
}

function recognised(head: Buffer): Format {
  const format = formatOf(head);
  if (format !== undefined) return format;
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  throw new OperatorError(
    head.length === 0 ? 'the input is empty' : 'the input is in no format that can be imported',
    {
      exitCode: ExitCode.badInput,
      hint: isGzip
        ? 'it is compressed: gunzip it first'
        : `--format names one of ${FORMATS.join(', ')}: an export, the database.json of dovecot-xaps-daemon, CSV with a header`,
    },
  );
}

function formatNamed(name: string): Format {
  const format = FORMATS.find((each) => each === name);
  if (format !== undefined) return format;
  throw new OperatorError(`--format is ${JSON.stringify(name)}, expected one of ${FORMATS.join(', ')}`, {
    exitCode: ExitCode.usage,
    hint: 'leave it out: the format is recognised by the content',
  });
}

/** An export names the topic of each target; other files get one that is given or configured. */
async function rulesFor(
  format: Format,
  given: string | undefined,
  { config, log, clock }: ImportContext,
): Promise<{ rules: TransferRules; topic: ImportFacts['topic'] }> {
  const { options } = readImapdConf(config.imapdConf);
  const named = given === undefined ? undefined : { topic: given, from: '--topic' as const };
  const topic =
    format === 'jsonl'
      ? undefined
      : (named ?? (await createTopicSource({ config, log, clock })(apsTopicOf(options))));
  const rules: TransferRules = {
    users: config.users,
    sharedMailboxes: config.targets.sharedMailboxes,
    dovecotNamespaces: config.dovecot.namespaces,
    namespace: namespaceOf(options),
    topic: topic?.topic ?? '',
    nowMs: clock.nowMs(),
  };
  return { rules, topic };
}

async function withTake<T>(
  { config, clock }: ImportContext,
  dryRun: boolean,
  rules: PrecedenceRules,
  body: (take: Take) => Promise<T>,
): Promise<T> {
  const store = await storeFor(config, dryRun);
  try {
    return await body(
      dryRun || store === undefined ? rehearseOn(store, rules) : takeInto(store, rules, clock),
    );
  } finally {
    store?.close();
  }
}

/** A rehearsal does not make a database. */
async function storeFor(config: Config, dryRun: boolean): Promise<Store | undefined> {
  const isMissing = config.postgres === undefined && !existsSync(config.store);
  return dryRun && isMissing ? undefined : openConfigured(config, { create: !dryRun });
}

function tell(report: ImportReport, facts: ImportFacts, json: boolean, out: (text: string) => void): void {
  out(json ? reportJson(report, facts) : reportText(report, facts));
}
