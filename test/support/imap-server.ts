import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon } from './daemon.ts';
import { connectImap, type ImapEndpoint } from './imap.ts';

const READY_TIMEOUT_MS = 20_000;
const PROBE_TIMEOUT_MS = 5_000;

/** Makes key.pem and the self-signed cert.pem of a server on the loopback address. */
export function createCertificate(dir: string, openssl: string): void {
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  const options = `-x509 -days 2 -subj /CN=localhost -addext ${names} -nodes -newkey ec`.split(' ');
  const curve = ['-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const files = ['-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`];
  execFileSync(openssl, ['req', ...options, ...curve, ...files], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Resolves as soon as the server greets an IMAP client; throws with its complaints where it does not. */
export async function untilReady(endpoint: ImapEndpoint, daemon: Daemon): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    try {
      const client = await connectImap(endpoint, PROBE_TIMEOUT_MS);
      await client.close();
      return;
    } catch (error) {
      if (daemon.hasExited() || performance.now() > deadline) {
        throw new Error(`the server does not answer ${daemon.complaints()}`.trim(), { cause: error });
      }
      await sleep(20);
    }
  }
}
