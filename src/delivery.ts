import { readFileSync } from 'node:fs';
import { connectApns } from './apns/client.ts';
import { type Credential, loadCredential } from './apns/credentials.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import type { Store } from './db.ts';
import { ExitCode, messageOf, OperatorError } from './errors.ts';
import type { Log } from './log.ts';
import { Courier, type CourierOptions } from './outbox/courier.ts';
import { leaseOwner } from './outbox/lease.ts';
import { createLine, type Line } from './outbox/line.ts';
import { Route } from './outbox/route.ts';

export interface Delivery {
  courier: Courier;
  /** Closes the connection; leases that are left are given back. */
  close(): Promise<void>;
}

/** A courier as the configuration wants it. Throws OperatorError (exit 78) where the credential cannot be used. */
export function openDelivery(
  { config, store, clock, log }: { config: Config; store: Store; clock: Clock; log: Log },
  onSettled?: CourierOptions['onSettled'],
): Delivery {
  const credential = loadCredential(config.apns);
  const line = lineTo(config, credential);
  const routes = [new Route(credential, line)];
  const courier = new Courier({
    store,
    routes: () => routes,
    owner: leaseOwner(),
    server: config.apns.server.origin,
    expiryMs: config.delivery.expiryMs,
    giveUpMs: config.delivery.giveUpMs,
    throttleMs: 0,
    clock,
    random: Math.random,
    log,
    ...(onSettled && { onSettled }),
  });
  return { courier, close: () => line.close() };
}

function lineTo({ apns }: Config, credential: Credential): Line {
  const ca = apns.ca === undefined ? {} : { ca: readCa(apns.ca) };
  return createLine((timeoutMs) => connectApns(apns.server, credential, { ...ca, timeoutMs }));
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new OperatorError(`apns.ca: cannot read ${file} (${messageOf(error)})`, {
      exitCode: ExitCode.configuration,
      hint: 'name a PEM file with the root certificate, or remove the key: Apple needs none',
      cause: error,
    });
  }
}
