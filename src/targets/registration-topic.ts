import type { Config } from '../config/config.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** The topic that devices are told, and where it stands; '' from nowhere. */
export interface RegistrationTopic {
  topic: string;
  from: 'imapd.conf' | 'apns.topic' | 'the certificate' | 'nowhere';
}

/** The topic of a registration that names none itself. `apsTopic` is Cyrus's own, from imapd.conf. */
export async function registrationTopic(
  apsTopic: string | undefined,
  { config, log }: { config: Config; log: Log },
): Promise<RegistrationTopic> {
  if (apsTopic !== undefined) return { topic: apsTopic, from: 'imapd.conf' };
  if (config.apns.topic !== undefined) return { topic: config.apns.topic, from: 'apns.topic' };
  return certificateTopic(config, log);
}

/** '' where no certificate can be read: the registration stands, and its pushes use the one configured later. */
async function certificateTopic(config: Config, log: Log): Promise<RegistrationTopic> {
  try {
    // Only here: most events need no credential, and a handler's start is what it costs.
    const { loadCredential } = await import('../apns/credentials.ts');
    return { topic: loadCredential(config.apns).topic, from: 'the certificate' };
  } catch (error) {
    log.warn('the topic of this registration is unknown', { reason: messageOf(error) });
    return { topic: '', from: 'nowhere' };
  }
}
