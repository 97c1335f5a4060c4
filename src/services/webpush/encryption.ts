import { createCipheriv, createECDH, hkdfSync } from 'node:crypto';
import { CURVE, type Subscription } from './subscription.ts';

/** New for each message: they are chance, and make the key that nobody else has. */
export interface Ephemeral {
  /** 16 bytes. */
  salt: Buffer;
  /** Of P-256. */
  privateKey: Buffer;
}

/** Larger than any message: each is one record. Push services take 4096 bytes (RFC 8291, 4). */
const RECORD_SIZE = 4096;

/** What is left of them for the message. */
export const MAX_PLAINTEXT_BYTES = 3993;

/** Ends the last record (RFC 8188, 2). */
const LAST_RECORD = 2;

/** The message as its app alone can read it, in the encoding aes128gcm (RFC 8291, RFC 8188). Pure. */
export function encrypt(
  plaintext: Buffer,
  { p256dh, auth }: Pick<Subscription, 'p256dh' | 'auth'>,
  { salt, privateKey }: Ephemeral,
): Buffer {
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(privateKey);
  const ours = ecdh.getPublicKey();
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), p256dh, ours]);
  const material = derived(ecdh.computeSecret(p256dh), auth, info, 32);
  const key = derived(material, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
  const nonce = derived(material, salt, Buffer.from('Content-Encoding: nonce\0'), 12);
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  const sealed = [cipher.update(plaintext), cipher.update(Buffer.of(LAST_RECORD)), cipher.final()];
  return Buffer.concat([headerOf(salt, ours), ...sealed, cipher.getAuthTag()]);
}

/** RFC 8188, 2.1; the key's name is our half of the agreement. */
function headerOf(salt: Buffer, publicKey: Buffer): Buffer {
  const sizes = Buffer.alloc(5);
  sizes.writeUInt32BE(RECORD_SIZE, 0);
  sizes.writeUInt8(publicKey.length, 4);
  return Buffer.concat([salt, sizes, publicKey]);
}

function derived(material: Buffer, salt: Buffer, info: Buffer, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', material, salt, info, length));
}
