import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { takeOpened } from '../process/hand-over.ts';
import { closedOnTheWay, ownGroup, ownUser } from '../process/rights.ts';
import { writeCompiled } from './compiled.ts';
import type { Config } from './config.ts';
import type { ConfigProblem } from './conflicts.ts';
import { editionOf } from './edition.ts';
import { configFileOf, DEFAULT_CONFIG_FILE } from './file.ts';
import { readConfig } from './read.ts';
import { parseYaml } from './yaml.ts';

/** Far more than every key with a long comment; it bounds what a wrong file can cost. */
const FILE_MAX_BYTES = 1024 * 1024;
const PIECE_BYTES = 16 * 1024;

/** A configuration file that cannot be used. Its message has a line for each problem: `file:line:column: key: message`. */
export class ConfigError extends OperatorError {
  /** In the order of the file; empty where the file could not be read at all. */
  readonly problems: readonly ConfigProblem[];

  constructor(message: string, hint: string, problems: readonly ConfigProblem[] = []) {
    super(message, { exitCode: ExitCode.configuration, hint });
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * The configuration from `file` (`--config`), else from the one that XAPPLEPUSH_CONFIG names, else from the default
 * one. Where the default one does not exist, the defaults hold. Throws ConfigError, with all problems at once.
 */
export function loadConfig(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
  defaultFile = DEFAULT_CONFIG_FILE,
): Config {
  const { path, isDefault } = configFileOf(file, env, defaultFile);
  const source = readSource(path, isDefault);
  if (source === undefined) return configFrom('', undefined);
  const config = configFrom(source.text, path);
  writeCompiled(path, source.stats, config);
  return config;
}

function configFrom(text: string, file: string | undefined): Config {
  const { root, problems } = text === '' ? { root: undefined, problems: [] } : parseYaml(text);
  const inText = problems.map((problem) => ({ ...problem, key: '' }));
  if (root === undefined && inText.length > 0) throw badFile(file, inText);
  const reading = readConfig(root, file);
  if ('config' in reading && inText.length === 0)
    return { ...reading.config, edition: editionOf(reading.config) };
  throw badFile(file, [...inText, ...('problems' in reading ? reading.problems : [])]);
}

interface Source {
  text: string;
  /** As it was before it was read. */
  stats: Stats;
}

/** Undefined where a file that `mayBeMissing` is missing. */
function readSource(path: string, mayBeMissing: boolean): Source | undefined {
  try {
    const { bytes, stats } = readBytes(path);
    if (bytes.length > FILE_MAX_BYTES) {
      throw new ConfigError(
        `${path}: larger than ${FILE_MAX_BYTES} bytes`,
        'name the configuration file of xapplepush, such as the example that comes with it',
      );
    }
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), stats };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const missing = codeOf(error) === 'ENOENT';
    if (missing && mayBeMissing) return undefined;
    throw unreadable(path, error);
  }
}

/** Reads a little more than allowed at most, whatever the file is. */
function readBytes(path: string): { bytes: Buffer; stats: Stats } {
  const pieces: Buffer[] = [];
  const fd = openSource(path);
  try {
    const stats = fstatSync(fd);
    for (let length = 0, read = 1; read > 0 && length <= FILE_MAX_BYTES; length += read) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      read = readSync(fd, piece);
      pieces.push(piece.subarray(0, read));
    }
    return { bytes: Buffer.concat(pieces), stats };
  } finally {
    closeSync(fd);
  }
}

/** What only root may read was opened before this process became another user's. */
function openSource(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    const fd = codeOf(error) === 'EACCES' ? takeOpened(path) : undefined;
    if (fd === undefined) throw error;
    return fd;
  }
}

function unreadable(path: string, error: unknown): ConfigError {
  switch (codeOf(error)) {
    case 'ENOENT':
      return new ConfigError(
        `${path}: no such file`,
        'name an existing file with --config or XAPPLEPUSH_CONFIG',
      );
    case 'EACCES':
      return closed(path);
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return new ConfigError(`${path}: not UTF-8`, 'save the file as UTF-8 text');
    default:
      return new ConfigError(
        `${path}: cannot be read: ${messageOf(error)}`,
        'name a readable file with --config',
      );
  }
}

function closed(path: string): ConfigError {
  const folder = closedOnTheWay(path);
  if (folder !== undefined)
    return new ConfigError(
      `${ownUser()} may not enter ${folder}, on the way to the configuration ${path}`,
      `run the command as root; the mail server's user must be able to: chmod a+x ${folder}`,
    );
  const group = ownGroup();
  return new ConfigError(
    `${ownUser()} may not read the configuration ${path}`,
    `run the command as root; the mail server's user must be able to: chgrp ${group} ${path} && chmod g+r ${path}`,
  );
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function badFile(file: string | undefined, problems: ConfigProblem[]): ConfigError {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const lines = sorted.map(({ line, column, key, message }) =>
    [`${file ?? ''}:${line}:${column}`, ...(key === '' ? [] : [key]), message].join(': '),
  );
  const hint = 'correct the lines above; the example that comes with xapplepush explains every key';
  return new ConfigError(lines.join('\n'), hint, sorted);
}
