import type { ApnsConfig, CredentialConfig } from '../../config/config.ts';

/** Where a credential is to be read, and what people call each place: keys of the configuration, or options. */
export interface CredentialSource extends CredentialConfig {
  /** `apns`, `apns.also[1]`, or the file that was named on the command line. */
  called: string;
  names: Record<'certificate' | 'key' | 'passphraseFile' | 'topic' | 'token', string>;
  /** The server that it is for; absent where that is not known. */
  server?: URL;
  /** A certificate without its key is no defect. */
  keyElsewhere: boolean;
  /** It may be for calendars or contacts: the main credential is for Mail. */
  mayBeOfCollections: boolean;
}

const MAIN = 'apns';

/** The configured credentials, the main one first. Entries of `apns.also` count from 1. */
export function sourcesOf(apns: ApnsConfig): [CredentialSource, ...CredentialSource[]] {
  const also = (apns.also ?? []).map((entry, index) =>
    configured(entry, `apns.also[${index + 1}]`, apns.server),
  );
  return [configured(apns, MAIN, apns.server), ...also];
}

/** The files that a credential is read from, whether they are there or not. */
export function filesOf({ certificate, key, passphraseFile, token }: CredentialConfig): string[] {
  return [certificate, key, passphraseFile, token?.key].filter((file) => file !== undefined);
}

/** All files that sending needs, whether they are there or not. */
export function allFilesOf(apns: ApnsConfig): string[] {
  const others = [apns.ca, apns.proxy?.passwordFile].filter((file) => file !== undefined);
  return [...sourcesOf(apns).flatMap(filesOf), ...others];
}

/** A file that is named on the command line: PEM or PKCS#12, with or without key. */
export function fileSource(file: string, passphraseFile: string | undefined): CredentialSource {
  const [certificate, key] = ['FILE', 'FILE'];
  return {
    called: file,
    names: {
      certificate,
      key,
      passphraseFile: '--passphrase-file',
      topic: 'apns.topic',
      token: 'apns.token',
    },
    certificate: file,
    ...(passphraseFile !== undefined && { passphraseFile }),
    keyElsewhere: true,
    mayBeOfCollections: true,
  };
}

function configured(
  { certificate, key, passphraseFile, token, topic }: CredentialConfig,
  called: string,
  server: URL,
): CredentialSource {
  return {
    called,
    names: {
      certificate: `${called}.certificate`,
      key: `${called}.key`,
      passphraseFile: `${called}.passphrase_file`,
      topic: `${called}.topic`,
      token: `${called}.token`,
    },
    server,
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
    ...(passphraseFile !== undefined && { passphraseFile }),
    ...(token !== undefined && { token }),
    ...(topic !== undefined && { topic }),
    keyElsewhere: false,
    mayBeOfCollections: called !== MAIN,
  };
}
