// The certificate of a soak, in every state in which a file may be.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import './typescript.mjs';

const { createAuthority, issueClientCertificate } = await import('../../src/apns/credentials/pki.ts');

const DAY_MS = 86_400_000;
const MDM_TOPIC = 'com.apple.mgmt.External.11111111-2222-3333-4444-555555555555';

/** Certificate and key in one file, replaced as a careful administrator does; `put` brings a state about. */
export function certificates({ files, topic }, file) {
  const authority = {
    certificatePem: readFileSync(files.ca, 'utf8'),
    keyPem: readFileSync(files.caKey, 'utf8'),
  };
  const made = (days, topics = [topic]) => {
    const validity = { notBefore: daysFromNow(-400), notAfter: daysFromNow(days) };
    return issueClientCertificate(authority, { topic: topics[0], topics, validity });
  };
  const pem = ({ certificatePem, keyPem }) => certificatePem + keyPem;
  const good = made(300);
  const states = {
    good: pem(good),
    missing: undefined,
    expired: pem(made(-10)),
    'with another key': good.certificatePem + createAuthority('another').keyPem,
    garbage: 'no certificate\n',
    empty: '',
    'for MDM': pem(made(300, [MDM_TOPIC])),
    renewed: pem(made(360)),
  };
  const put = (state) => {
    if (states[state] === undefined) {
      rmSync(file, { force: true });
      return;
    }
    writeFileSync(`${file}.new`, states[state], { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  put('good');
  return { put, states: Object.keys(states).filter((state) => state !== 'good') };
}

function daysFromNow(days) {
  return new Date(Date.now() + days * DAY_MS);
}
