import { type ReadCredentials, usableOf } from '../apns/credentials/watch.ts';
import type { Inspection } from '../apns/credentials/credentials.ts';
import type { MetricsState } from './metrics.ts';

/** What keeps pushes from being sent, in one sentence with its fix; undefined where nothing does. Pure. */
export function troubleText(credentials: ReadCredentials): string | undefined {
  const { inspections, troubles } = credentials;
  if (troubles.length === 0) return undefined;
  const reasons = [...new Set(troubles.map(({ message }) => message))].join('; ');
  const fixes = [...new Set(troubles.map(({ hint }) => hint))].join('; ');
  const usable = usableOf(credentials).length;
  const what =
    usable === 0
      ? 'no push is sent'
      : usable < inspections.length
        ? 'some pushes wait'
        : 'the former credential is in use';
  return `${what}: ${reasons}; fix: ${fixes}`;
}

/** The same for the metrics. Pure. */
export function credentialMetrics({
  inspections,
  roots,
}: ReadCredentials): Pick<MetricsState, 'certificates' | 'credentials'> {
  return {
    certificates: inspections.flatMap(endOf),
    credentials: inspections.map(({ source: { called }, credential }) => ({
      credential: called,
      usable: credential !== undefined && roots !== undefined,
    })),
  };
}

/** Also of one that has expired, as long as it can be read. */
function endOf(inspection: Inspection): MetricsState['certificates'] {
  const facts = inspection.kind === 'certificate' ? inspection.identity?.facts : undefined;
  const { topic = '', credential } = inspection;
  const endsMs = credential?.notAfterMs ?? facts?.notAfterMs;
  return endsMs === undefined ? [] : [{ topic, endsMs }];
}
