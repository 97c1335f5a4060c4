import { describeWithServer } from './cyrus-suite.ts';
import { dovecotAvailability } from './dovecot-installation.ts';

/** A describe block that needs a real Dovecot: skipped where there is none, failing where CI is set. */
export function describeWithDovecot(name: string, body: () => void): void {
  describeWithServer('a Dovecot', dovecotAvailability(), name, body);
}
