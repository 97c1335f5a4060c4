import type { Config } from '../config/config.ts';
import { SERVICE_NAMES, type ServiceName } from './endpoint.ts';

export type EnablingConfig = Pick<Config, 'deltachat' | 'webpush' | 'webhook'>;

/** The services that are switched on. Pure, and all that a host without them has to load. */
export function enabledServices({ deltachat, webpush, webhook }: EnablingConfig): ServiceName[] {
  const isEnabled: Record<ServiceName, boolean> = {
    deltachat: deltachat.enabled,
    webpush: webpush.enabled,
    webhook: webhook.urls.length > 0,
  };
  return SERVICE_NAMES.filter((name) => isEnabled[name]);
}
