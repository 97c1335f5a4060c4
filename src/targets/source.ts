import type { EventSource } from '../events/mail-event.ts';

/** Who has registered a device: a mail server, or a client of the HTTP door that is not the XAPS plugin. */
export type TargetSource = EventSource | 'http';

/** HTTP is the plugin's own way, and no other mail server's: whoever reaches it may write as Cyrus does. Pure. */
export function sourceOf(shape: EventSource, byHttp: boolean): TargetSource {
  return byHttp && shape !== 'xaps' ? 'http' : shape;
}
