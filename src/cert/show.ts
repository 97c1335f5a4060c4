import type { KeyFacts } from '../apns/credentials/certificate-facts.ts';
import { fileSource } from '../apns/credentials/source.ts';
import {
  inspect,
  inspectCredentials,
  type Inspection,
  loadCredential,
} from '../apns/credentials/credentials.ts';
import type { ApnsConfig } from '../config/config.ts';
import { ExitCode } from '../process/errors.ts';
import { countOf, visible } from '../process/text.ts';
import { describe, type Description } from './description.ts';
import { safeJson } from '../process/safe-json.ts';

export interface Shown {
  text: string;
  exitCode: ExitCode;
}

/** The content of a credential's file and its defects; exit code 65 where it has any. */
export function showFile(
  file: string,
  passphraseFile: string | undefined,
  json: boolean,
  nowMs: number,
): Shown {
  return shown([inspect(fileSource(file, passphraseFile), nowMs)], json, nowMs);
}

/** The same for all configured credentials. Throws OperatorError (exit 78) where none is configured. */
export function showConfigured(apns: ApnsConfig, json: boolean, nowMs: number): Shown {
  const { certificate, token, also = [] } = apns;
  if (certificate === undefined && token === undefined && also.length === 0) loadCredential(apns, nowMs);
  return shown(inspectCredentials(apns, nowMs), json, nowMs);
}

function shown(inspections: Inspection[], json: boolean, nowMs: number): Shown {
  const descriptions = inspections.map((one) => describe(one, nowMs));
  return {
    text: json ? `${safeJson(descriptions, 2)}\n` : descriptions.map(inWords).join('\n'),
    exitCode: descriptions.every(({ problems }) => problems.length === 0) ? ExitCode.ok : ExitCode.badInput,
  };
}

type Line = readonly [label: string, text: string | null];

function inWords(description: Description): string {
  const { credential, files, problems, warnings } = description;
  const [first] = files;
  const title =
    first === undefined || first.path === credential ? credential : `${credential}: ${first.path}`;
  const lines: Line[] = [
    ...(description.kind === 'token' ? tokenLines(description) : certificateLines(description)),
    ...files.map(({ path, mode }) => ['file', mode && `${path}, mode ${mode}`] as const),
    ...warnings.map((warning) => ['warning', warning] as const),
    ...problems.flatMap(({ message, hint }) => [['problem', message] as const, ['hint', hint] as const]),
  ];
  return [`${visible(title)}\n`, ...lines.map(lineText)].join('');
}

function certificateLines(description: Description): Line[] {
  const { topic, topics, commonName, organization, issuer, chain, fingerprint } = description;
  return [
    ['topic', topic],
    ['topics', topics.length > 1 ? topics.join(', ') : null],
    ['serves', servesText(description)],
    ['common name', commonName],
    ['organization', organization],
    ['issuer', issuer],
    ['valid', validityText(description)],
    ['environments', issuer && environmentsText(description)],
    ['key', keyText(description)],
    ['chain', issuer && (chain.join(', ') || 'none in the file')],
    ['fingerprint', fingerprint && `SHA-256 ${fingerprint}`],
  ];
}

/** Mail alone goes without saying. */
function servesText({ kinds }: Description): string | null {
  return kinds.some((kind) => kind !== 'mail') ? kinds.join(', ') : null;
}

function tokenLines({ topic, keyId, teamId, key }: Description): Line[] {
  return [
    ['topic', topic],
    ['key id', keyId],
    ['team id', teamId],
    ['key', key && keyKind(key)],
  ];
}

function validityText({ notBefore, notAfter, daysLeft }: Description): string | null {
  if (notBefore === null || notAfter === null || daysLeft === null) return null;
  const left = daysLeft < 0 ? `over for ${countOf(-daysLeft, 'day')}` : `${countOf(daysLeft, 'day')} left`;
  return `${notBefore} to ${notAfter}, ${left}`;
}

function environmentsText({ environments }: Description): string {
  return environments.length > 0 ? environments.join(', ') : 'not said';
}

function keyText({ key, keyMatches, issuer }: Description): string | null {
  if (key === null) return null;
  if (issuer === null) return `${keyKind(key)}; a private key without a certificate`;
  if (keyMatches === null) return `${keyKind(key)}; the private key is not in this file`;
  return `${keyKind(key)}; ${keyMatches ? 'the private key matches' : 'the private key does not match'}`;
}

function keyKind({ type, bits, curve }: KeyFacts): string {
  if (curve !== undefined) return `${type} ${curve}`;
  return bits === undefined ? type : `${type}, ${bits} bits`;
}

const LABEL_WIDTH = Math.max(...['environments', 'organization'].map((label) => label.length));

function lineText([label, text]: Line): string {
  return text === null ? '' : `  ${label.padEnd(LABEL_WIDTH)}  ${visible(text)}\n`;
}
