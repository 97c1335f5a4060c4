/** Why a row waits although it was tried; `wake` releases those that one success shows to be over. */
export type Hold = 'device' | 'apple' | 'connection' | 'credential' | 'topic' | 'gone';

/** What each hold means, for a person. */
export const HOLD_TEXTS: Readonly<Record<Hold, string>> = {
  device: 'Apple asks for fewer pushes to the device',
  apple: 'Apple has trouble of its own',
  connection: 'Apple cannot be reached',
  credential: 'the certificate or token cannot be used',
  topic: "no certificate fits the device's topic",
  gone: 'Apple says that too many devices in a row are gone',
};

export const HOLDS = Object.keys(HOLD_TEXTS) as readonly Hold[];
