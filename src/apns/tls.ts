import { readFileSync } from 'node:fs';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { Credential } from './credentials/credentials.ts';
import type { TlsIdentity } from './dial.ts';

/** What a connection shows in TLS: a provider token needs nothing there. */
export function identityOf(credential: Credential | undefined): TlsIdentity {
  return credential?.kind === 'certificate' ? credential : {};
}

/** The root certificates that take the place of the system's. Throws OperatorError, exit 78. */
export function rootsOf(file: string | undefined): { ca?: string } {
  if (file === undefined) return {};
  try {
    return { ca: readFileSync(file, 'utf8') };
  } catch (error) {
    throw new OperatorError(`apns.ca: cannot read ${file} (${messageOf(error)})`, {
      exitCode: ExitCode.configuration,
      hint: 'name a PEM file with the root certificate, or remove the key: Apple needs none',
      cause: error,
    });
  }
}
