import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsConfig } from '../config/config.ts';
import type { Clock } from '../process/clock.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';

/** What is older is not secure any more (RFC 8996). */
const MIN_VERSION = 'TLSv1.2';

/** How often it is looked whether the files have changed: certificates are renewed by others, who tell nobody. */
const LOOK_INTERVAL_MS = 5000;

export type Secured = Server & Pick<TlsServer, 'setSecureContext'>;

/** What the files hold, tried. Throws OperatorError, which never shows it. */
export function readTls({ certificate, key }: TlsConfig): SecureContextOptions {
  const [cert, ofCert] = [contentOf('serve.tls.certificate', certificate), contentOf('serve.tls.key', key)];
  const options: SecureContextOptions = { cert, key: ofCert, minVersion: MIN_VERSION };
  try {
    createSecureContext(options);
    // Of another kind of key than the certificate's it takes any.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(ofCert)))
      throw new Error('of another key');
  } catch (error) {
    throw unusable(
      `serve.tls: ${certificate} and ${key} cannot be used together (${messageOf(error)})`,
      'name the certificate, with those of its issuers below it, and its own key, both in PEM, without a passphrase',
    );
  }
  return options;
}

function contentOf(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const hint = 'let the user that this program runs as read it: chgrp mail FILE && chmod 0640 FILE';
    throw unusable(`${option}: ${file} cannot be read (${messageOf(error)})`, hint.replaceAll('FILE', file));
  }
}

function unusable(message: string, hint: string): OperatorError {
  return new OperatorError(message, { exitCode: ExitCode.tryAgain, hint });
}

/** Says that a reload cannot do it: the address is in use by this very process. */
export function needsRestart(): OperatorError {
  return new OperatorError('serve.tls: a door with TLS cannot become one without, nor the other way round', {
    exitCode: ExitCode.tryAgain,
    hint: 'restart serve: systemctl restart xapplepush',
  });
}

/** Takes files that have changed, until the signal; what cannot be used, such as half of a renewal, is tried again. */
export async function keepCertificate(
  server: Secured,
  files: () => TlsConfig,
  { clock, log }: { clock: Clock; log: Log },
  ending: AbortSignal,
): Promise<void> {
  let seen = stateOf(files());
  let told = '';
  for (;;) {
    await clock.sleep(LOOK_INTERVAL_MS, ending);
    if (ending.aborted) return;
    const now = stateOf(files());
    if (now === seen) {
      told = '';
      continue;
    }
    try {
      server.setSecureContext(readTls(files()));
      [seen, told] = [now, ''];
      log.info('the certificate of the HTTP door has changed and is taken', { file: files().certificate });
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== told) log.warn('the HTTP door keeps its former certificate', { reason });
      told = reason;
    }
  }
}

/** Changes with each of the files, and with what keeps them from being looked at. */
function stateOf({ certificate, key }: TlsConfig): string {
  return [certificate, key].map(stateOfFile).join(' ');
}

function stateOfFile(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file);
    return [ino, size, mtimeMs].join(' ');
  } catch (error) {
    return messageOf(error);
  }
}
