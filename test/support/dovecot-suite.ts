import { dovecotAvailability } from './dovecot-installation.ts';
import { describeWith } from './needs.ts';

/** A describe block that needs a real Dovecot: skipped where there is none, failing where CI is set. */
export function describeWithDovecot(name: string, body: () => void): void {
  describeWith('a Dovecot', dovecotAvailability(), name, body);
}
