import { countOf } from '../process/text.ts';
import type { Enqueued } from '../store/intake.ts';

export const NOBODY_ASKED = 'no device asked for this mailbox';

/** Why devices that asked for it are not told; undefined where all are. */
export function whyUntold({ disabled, denied, unnamed }: Omit<Enqueued, 'targetIds'>): string | undefined {
  const reasons = [
    disabled > 0 && `${countOf(disabled, 'device')} failed for too long and must register again`,
    denied > 0 && `${countOf(denied, 'device')} may not read this mailbox: its user has no right r there`,
    unnamed > 0 && `${countOf(unnamed, 'device')} ${UNNAMED}`,
  ];
  return reasons.filter((reason) => reason !== false).join('; ') || undefined;
}

const UNNAMED = 'heard no names of mailboxes when registering, and would look into INBOX alone';
