import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ExitCode, messageOf, OperatorError } from '../../process/errors.ts';
import {
  createAuthority,
  issueClientCertificate,
  issueServerCertificate,
  writePkcs12,
} from '../credentials/pki.ts';

/** The topic of the client certificate, of the form that macOS Server's certificates have. */
export const MOCK_TOPIC = 'com.apple.mail.XServer.7d0f5a52-6c1e-4e57-9b5d-3a1f0c8e2b64';

/** Absolute paths of what the stand-in and its clients need. */
export interface MockFiles {
  dir: string;
  /** The authority of both sides. */
  ca: string;
  caKey: string;
  serverCertificate: string;
  serverKey: string;
  clientCertificate: string;
  clientKey: string;
  /** Certificate and key of the client as PKCS#12. */
  clientPkcs12: string;
  passphrase: string;
}

/** The files in `dir`, made if any of them is missing. Keys, PKCS#12 and passphrase get mode 0600. */
export function mockFiles(dir: string): MockFiles {
  const files = filesIn(resolve(dir));
  if (Object.values<string>({ ...files }).every((file) => existsSync(file))) return files;
  try {
    writeAll(files);
  } catch (error) {
    throw new OperatorError(`cannot make certificates in ${files.dir}: ${messageOf(error)}`, {
      exitCode: ExitCode.configuration,
      hint: 'give --dir a folder that this user can write to',
      cause: error,
    });
  }
  return files;
}

function filesIn(dir: string): MockFiles {
  return {
    dir,
    ca: join(dir, 'ca.pem'),
    caKey: join(dir, 'ca.key'),
    serverCertificate: join(dir, 'server.pem'),
    serverKey: join(dir, 'server.key'),
    clientCertificate: join(dir, 'client.pem'),
    clientKey: join(dir, 'client.key'),
    clientPkcs12: join(dir, 'client.p12'),
    passphrase: join(dir, 'client.passphrase'),
  };
}

function writeAll(files: MockFiles): void {
  const authority = createAuthority('xapplepush mock-apns');
  const server = issueServerCertificate(authority);
  const client = issueClientCertificate(authority, { topic: MOCK_TOPIC, topics: [MOCK_TOPIC] });
  const passphrase = randomBytes(12).toString('hex');
  mkdirSync(files.dir, { recursive: true, mode: 0o700 });
  writeFileSync(files.ca, authority.certificatePem);
  writeFileSync(files.serverCertificate, server.certificatePem);
  writeFileSync(files.clientCertificate, client.certificatePem);
  const secret = { mode: 0o600 };
  writeFileSync(files.caKey, authority.keyPem, secret);
  writeFileSync(files.serverKey, server.keyPem, secret);
  writeFileSync(files.clientKey, client.keyPem, secret);
  writeFileSync(files.clientPkcs12, writePkcs12(client, passphrase), secret);
  writeFileSync(files.passphrase, `${passphrase}\n`, secret);
}
