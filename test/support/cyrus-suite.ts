import { cyrusAvailability } from './cyrus-installation.ts';
import { describeWith } from './needs.ts';

/** A describe block that needs a real Cyrus. */
export function describeWithCyrus(name: string, body: () => void): void {
  describeWith('a Cyrus', cyrusAvailability(), name, body);
}
