import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  verify,
} from 'node:crypto';

/** An app that subscribes to Web Push, as a browser or one of UnifiedPush. */
export interface WebPushApp {
  /** The subscription at a service, as `PushSubscription.toJSON()` gives it. */
  subscriptionAt(endpoint: string): string;
  /** What a message says; throws where it is not for this app, or not as RFC 8291 and RFC 8188 have it. */
  decrypt(body: Buffer): string;
}

export interface AppKeys {
  privateKey: Buffer;
  auth: Buffer;
}

export function webPushApp({ privateKey, auth }: AppKeys = newKeys()): WebPushApp {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(privateKey);
  const ours = ecdh.getPublicKey();
  return {
    subscriptionAt: (endpoint) =>
      JSON.stringify({
        endpoint,
        expirationTime: null,
        keys: { p256dh: ours.toString('base64url'), auth: auth.toString('base64url') },
      }),
    decrypt: (body) => {
      const [salt, size, length] = [body.subarray(0, 16), body.readUInt32BE(16), body.readUInt8(20)];
      if (size < body.length - 21 - length || length !== 65) throw new Error('not one record by one point');
      const theirs = body.subarray(21, 86);
      const info = Buffer.concat([Buffer.from('WebPush: info\0'), ours, theirs]);
      const material = hkdf(ecdh.computeSecret(theirs), auth, info, 32);
      const key = hkdf(material, salt, 'Content-Encoding: aes128gcm\0', 16);
      const nonce = hkdf(material, salt, 'Content-Encoding: nonce\0', 12);
      const decipher = createDecipheriv('aes-128-gcm', key, nonce);
      decipher.setAuthTag(body.subarray(-16));
      const record = Buffer.concat([decipher.update(body.subarray(86, -16)), decipher.final()]);
      const end = record.findLastIndex((byte) => byte !== 0);
      if (record[end] !== 2) throw new Error('not the last record');
      return record.subarray(0, end).toString();
    },
  };
}

/** The claims of an `Authorization: vapid`, whose signature is checked by the key that it names (RFC 8292). */
export function vapidClaims(authorization: string): { aud: string; exp: number; sub: string; key: string } {
  const [, jwt = '', key = ''] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(authorization) ?? [];
  const [header = '', claims = '', signature = ''] = jwt.split('.');
  const point = Buffer.from(key, 'base64url');
  const [x = '', y = ''] = [point.subarray(1, 33), point.subarray(33)].map((part) =>
    part.toString('base64url'),
  );
  const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  const content = Buffer.from(`${header}.${claims}`);
  const how = { key: publicKey, dsaEncoding: 'ieee-p1363' as const };
  if (!verify('sha256', content, how, Buffer.from(signature, 'base64url')))
    throw new Error('not its signature');
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string };
  if (alg !== 'ES256') throw new Error(`expected ES256, got ${alg}`);
  return {
    ...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as { aud: string; exp: number; sub: string }),
    key,
  };
}

export function vapidPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

function newKeys(): AppKeys {
  const ecdh = createECDH('prime256v1');
  ecdh.generateKeys();
  return { privateKey: ecdh.getPrivateKey(), auth: randomBytes(16) };
}

function hkdf(material: Buffer, salt: Buffer, info: string | Buffer, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', material, salt, info, length));
}
