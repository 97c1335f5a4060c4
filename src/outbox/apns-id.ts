import { createHash } from 'node:crypto';
import type { Push } from '../apns/push.ts';
import type { ClaimedPush } from './outbox.ts';

/**
 * The apns-id of an attempt: a name-based UUID, version 5 of RFC 9562 (5.5), in the namespace of the row's own random
 * UUID. The name is all that the device is told and the row's generation. So an id names one content, whatever a crash
 * or a power cut leaves unsaid, the same attempt repeated has the same id, and what a later event asks for has another.
 */
export function apnsIdOf(
  row: Pick<ClaimedPush, 'apnsId' | 'generation'>,
  { deviceToken, topic, payload }: Pick<Push, 'deviceToken' | 'topic' | 'payload'>,
): string {
  const hash = createHash('sha1').update(Buffer.from(row.apnsId.replaceAll('-', ''), 'hex'));
  const bytes = hash.update(JSON.stringify([row.generation, deviceToken, topic, payload])).digest();
  bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x50, 6); // version 5
  bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8); // the variant of RFC 9562
  const hex = bytes.toString('hex');
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => hex.slice(from, to))
    .join('-');
}
