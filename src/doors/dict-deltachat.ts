import { createHash } from 'node:crypto';
import type { NewEndpoint } from '../services/endpoint.ts';
import type { MetadataChange } from '../store/metadata.ts';

/** What a commit means for a user's devices of Delta Chat. */
export type DeviceChange =
  | { kind: 'add'; endpoint: Pick<NewEndpoint, 'service' | 'address' | 'fingerprint'> }
  /** The app has taken its token back, and it is not said which of a user's devices that was. */
  | { kind: 'remove all' };

/** As Delta Chat sets it, as /private/devicetoken of INBOX; the GUID does not say which mailbox it is. */
const TOKEN_KEY = /^priv\/[^/]+\/devicetoken$/;

/** Encrypted by the app for the notification service. In another form it would tell what nobody here is to know. */
const TOKEN = /^openpgp:[A-Za-z0-9+/]+={0,2}$/;

/** Longer ones the app keeps to itself. */
const MAX_TOKEN_LENGTH = 4096;

/** In their order; of each entry the last change counts, as in the store. */
export function deviceChanges(changes: readonly MetadataChange[]): DeviceChange[] {
  const last = new Map(changes.map(({ key, value }) => [key, value]));
  const tokens = [...last].filter(([key]) => TOKEN_KEY.test(key)).map(([, value]) => value);
  return tokens.flatMap((value) => (value === undefined ? { kind: 'remove all' as const } : added(value)));
}

function added(value: Uint8Array): DeviceChange[] {
  const endpoint = deltaChatEndpoint(Buffer.from(value).toString('latin1'));
  return endpoint === undefined ? [] : [{ kind: 'add', endpoint }];
}

/** The endpoint of a token; undefined where it is none. */
export function deltaChatEndpoint(
  address: string,
): Pick<NewEndpoint, 'service' | 'address' | 'fingerprint'> | undefined {
  if (address.length > MAX_TOKEN_LENGTH || !TOKEN.test(address)) return undefined;
  const fingerprint = createHash('sha256').update(address).digest('hex'); // the app sends the same text each time
  return { service: 'deltachat', address, fingerprint };
}

/** `/shared/vendor/deltachat/maxsmtprecipients` of the server, which Dovecot keeps with the INBOX of whoever asks. */
const RECIPIENTS_KEY =
  /^shared\/[^/]+\/vendor\/vendor\.dovecot\/pvt\/server\/vendor\/deltachat\/maxsmtprecipients$/;

/** What Delta Chat takes where it is told nothing, so that it changes nothing. */
const RECIPIENTS = '50';

/** What is answered where nobody has set it: by its having a value Delta Chat knows that it can register here. */
export function deltaChatDefault(key: string): Uint8Array | undefined {
  return RECIPIENTS_KEY.test(key) ? Buffer.from(RECIPIENTS) : undefined;
}
