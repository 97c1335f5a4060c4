import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import type { Clock } from '../process/clock.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { ServiceName } from './endpoint.ts';
import type { Service, ServiceOutcome } from './service.ts';

export type ServicesConfig = Pick<Config, 'store' | 'deltachat' | 'webpush' | 'webhook'>;

export interface ServicesOptions {
  clock: Pick<Clock, 'nowMs'>;
  /** Root certificates to trust in place of the system's. */
  ca?: string;
}

/**
 * The services that are switched on. What one needs is loaded and read when it is first sent to, and where that fails
 * each notice says so and waits, until it is put right.
 */
export function openServices(config: ServicesConfig, options: ServicesOptions): Map<ServiceName, Service> {
  const { deltachat, webpush, webhook } = config;
  const services: Service[] = [];
  if (deltachat.enabled)
    services.push(opened('deltachat', deltachat.giveUpMs, () => openDeltaChat(config, options)));
  if (webpush.enabled) services.push(opened('webpush', webpush.giveUpMs, () => openWebPush(config, options)));
  if (webhook.urls.length > 0)
    services.push(opened('webhook', webhook.giveUpMs, () => openWebhook(config, options)));
  return new Map(services.map((service) => [service.name, service]));
}

/** Opens it with its first notice. */
function opened(name: ServiceName, giveUpMs: number, open: () => Promise<Service>): Service {
  let service: Promise<Service> | undefined;
  return {
    name,
    giveUpMs,
    send: async (endpoint, notice, timeoutMs): Promise<ServiceOutcome> => {
      try {
        return await (await (service ??= open())).send(endpoint, notice, timeoutMs);
      } catch (error) {
        service = undefined;
        return { kind: 'misconfigured', reason: messageOf(error) };
      }
    },
    close: async () => {
      const toClose = service;
      service = undefined;
      await toClose?.then(
        (each) => each.close(),
        () => undefined,
      ); // one that could not be opened was told
    },
  };
}

async function openDeltaChat({ deltachat }: ServicesConfig, options: ServicesOptions): Promise<Service> {
  const [{ createDeltaChat }, { openPoster }] = await Promise.all([
    import('./deltachat.ts'),
    import('./http-post.ts'),
  ]);
  return createDeltaChat(deltachat, openPoster(posterOptions(options)));
}

async function openWebPush(config: ServicesConfig, options: ServicesOptions): Promise<Service> {
  const [{ createWebPush }, { openPoster }, { keyFileOf, readOrMakeKey }, { createAddressGuard }] =
    await Promise.all([
      import('./webpush/webpush.ts'),
      import('./http-post.ts'),
      import('./webpush/key-file.ts'),
      import('./address-guard.ts'),
    ]);
  const { subject = '', giveUpMs, allowPrivateAddresses } = config.webpush;
  const guard = allowPrivateAddresses ? {} : { guard: createAddressGuard() };
  const poster = posterOptions(options);
  return createWebPush(
    { key: readOrMakeKey(keyFileOf(config)), subject, giveUpMs, nowMs: poster.nowMs },
    openPoster({ ...poster, ...guard }),
  );
}

async function openWebhook({ webhook }: ServicesConfig, options: ServicesOptions): Promise<Service> {
  const [{ createWebhook }, { openPoster }] = await Promise.all([
    import('./webhook.ts'),
    import('./http-post.ts'),
  ]);
  const { urls, giveUpMs, secretFile = '' } = webhook;
  const poster = posterOptions(options);
  return createWebhook(
    { urls, secret: readSecret(secretFile), giveUpMs, nowMs: poster.nowMs },
    openPoster(poster),
  );
}

function posterOptions({ clock, ca }: ServicesOptions): { nowMs: () => number; ca?: string } {
  return { nowMs: () => clock.nowMs(), ...(ca !== undefined && { ca }) };
}

/** Shorter ones can be guessed. */
const SECRET_MIN_LENGTH = 16;

/** One line. Throws OperatorError, which never shows what it holds. */
function readSecret(file: string): string {
  const refuse = (why: string): OperatorError =>
    new OperatorError(`webhook.secret_file: ${file} ${why}`, {
      exitCode: ExitCode.configuration,
      hint: `write one line of at least ${SECRET_MIN_LENGTH} characters into it, such as openssl rand -hex 32 gives`,
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw refuse(`cannot be read (${messageOf(error)})`);
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret.length < SECRET_MIN_LENGTH || /[\r\n]/.test(secret))
    throw refuse('does not hold one line with a secret');
  return secret;
}
