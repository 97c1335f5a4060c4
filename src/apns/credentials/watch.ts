import type { ApnsConfig } from '../../config/config.ts';
import { ExitCode, messageOf, OperatorError } from '../../process/errors.ts';
import { defectError } from './defects.ts';
import { allFilesOf } from './source.ts';
import { type Credential, type Inspection, inspectCredentials, isWanted } from './credentials.ts';
import { stateOfFiles } from './file-state.ts';
import { rootsOf } from '../tls.ts';

/** Why something of what proves to Apple who we are cannot be used, on one line each. */
export interface CredentialTrouble {
  /** `apns`, `apns.also[1]` or `apns.ca`. */
  called: string;
  message: string;
  hint: string;
}

/** What there is to prove to Apple who we are. */
export interface ReadCredentials {
  /** Every credential that is configured and wanted, the main one first; `credential` is set where it is in use. */
  inspections: readonly Inspection[];
  /** The root certificates in place of the system's; undefined where they cannot be read, and nobody is trusted. */
  roots: { ca?: string } | undefined;
  troubles: readonly CredentialTrouble[];
}

/** All configured credentials as they are at `nowMs`, and everything that is wrong with them. Throws nothing. */
export function readCredentials(apns: ApnsConfig, nowMs: number): ReadCredentials {
  return withTroubles(inspectCredentials(apns, nowMs), readRoots(apns), nowMs);
}

/** Those that pushes can go out with. */
export function usableOf({ inspections, roots }: ReadCredentials): Credential[] {
  return roots === undefined ? [] : inspections.flatMap(({ credential }) => credential ?? []);
}

/** What an operator has to put right; exit code 78. */
export function troubleError({ troubles }: ReadCredentials): OperatorError {
  return defectError(troubles, ExitCode.configuration);
}

export interface CredentialWatch {
  readonly current: ReadCredentials;
  /** Reads the files again where one of them, or what the time makes of them, has changed; says whether it did. */
  look(nowMs: number): boolean;
}

/**
 * The credentials, read again when their files change, appear or go, and when one begins or ceases to be valid. A file
 * that becomes unusable, perhaps half-written, leaves the former credential in use as long as that is valid.
 */
export function watchCredentials(apns: ApnsConfig, nowMs: number): CredentialWatch {
  const files = allFilesOf(apns);
  let inspections = inspectCredentials(apns, nowMs);
  let roots = readRoots(apns);
  let current = withTroubles(inspections, roots, nowMs);
  const stateAt = (ms: number): string =>
    [stateOfFiles(files), ...inspections.map((one) => validity(one, ms))].join('\n');
  let seen = stateAt(nowMs);
  return {
    get current() {
      return current;
    },
    look: (ms) => {
      if (stateAt(ms) === seen) return false;
      const former = inspections;
      inspections = inspectCredentials(apns, ms).map((one, index) => keepFormer(one, former[index], ms));
      const latest = readRoots(apns);
      if ('ca' in latest || !('ca' in roots)) roots = latest;
      current = withTroubles(inspections, 'trouble' in latest ? { ...roots, ...latest } : roots, ms);
      seen = stateAt(ms);
      return true;
    },
  };
}

type Roots = { ca?: string; trouble?: CredentialTrouble };

function readRoots({ ca }: ApnsConfig): Roots {
  try {
    return rootsOf(ca);
  } catch (error) {
    const hint = error instanceof OperatorError ? error.hint : '';
    return { trouble: { called: 'apns.ca', message: messageOf(error), hint } };
  }
}

function withTroubles(all: readonly Inspection[], { trouble, ca }: Roots, nowMs: number): ReadCredentials {
  const inspections = all.filter((one, index) => isWanted(one, index, nowMs));
  const ofCredentials = inspections.flatMap(({ source: { called }, defects }) =>
    defects.map((defect) => ({ called, ...defect })),
  );
  const isTrusting = trouble === undefined || ca !== undefined;
  return {
    inspections,
    roots: isTrusting ? { ...(ca !== undefined && { ca }) } : undefined,
    troubles: [...ofCredentials, ...(trouble === undefined ? [] : [trouble])],
  };
}

function keepFormer(one: Inspection, former: Inspection | undefined, nowMs: number): Inspection {
  const credential = former?.credential;
  if (one.credential !== undefined || credential === undefined || !isValid(credential, nowMs)) return one;
  return { ...one, credential, topic: credential.topic } as Inspection;
}

function isValid(credential: Credential, nowMs: number): boolean {
  if (credential.kind === 'token') return true;
  return credential.notBeforeMs <= nowMs && nowMs < credential.notAfterMs;
}

/** Changes when the certificate begins or ceases to be valid. */
function validity(inspection: Inspection, nowMs: number): string {
  const facts = inspection.kind === 'certificate' ? inspection.identity?.facts : undefined;
  const ends = [facts?.notBeforeMs, facts?.notAfterMs, inspection.credential?.notAfterMs];
  return ends.map((ms) => (ms === undefined ? '' : String(ms <= nowMs))).join(' ');
}
