import type { X509Certificate } from 'node:crypto';

/** Which of Apple's servers a certificate is for; its sandbox is the one for development. */
export type Environment = 'production' | 'development';

// Apple's extensions: WWDR Certification Practice Statement. The DER of 1.2.840.113635.100.6.3, then the last number.
const APNS_EXTENSIONS = '2a864886f763640603';
const DEVELOPMENT = `${APNS_EXTENSIONS}01`;
const PRODUCTION = `${APNS_EXTENSIONS}02`;
const TOPICS = `${APNS_EXTENSIONS}06`;

/** What Apple's extensions say: the servers, and the topics of 1.2.840.113635.100.6.3.6; empty where they are absent. */
export function appleExtensions({ raw }: Pick<X509Certificate, 'raw'>): {
  environments: Environment[];
  topicList: string[];
} {
  const extensions = extensionsOf(raw);
  return {
    environments: [
      ...(extensions.has(PRODUCTION) ? (['production'] as const) : []),
      ...(extensions.has(DEVELOPMENT) ? (['development'] as const) : []),
    ],
    topicList: topicsIn(extensions.get(TOPICS)),
  };
}

// Tags of DER: X.690, 8.1.2, and RFC 5280, 4.1, for the place of the extensions.
const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const TBS_EXTENSIONS = 0xa3;

/** The values of the extensions by the hexadecimal DER of their ids. */
function extensionsOf(certificate: Buffer): Map<string, Buffer> {
  const tbs = elementsIn(elementsIn(certificate)[0]?.content)[0];
  const wrapper = elementsIn(tbs?.content).find(({ tag }) => tag === TBS_EXTENSIONS);
  const extensions = elementsIn(elementsIn(wrapper?.content)[0]?.content);
  return new Map(
    extensions.flatMap(({ content }) => {
      const parts = elementsIn(content);
      const [id, value] = [parts[0], parts.at(-1)];
      return id?.tag === OBJECT_IDENTIFIER && value
        ? [[id.content.toString('hex'), value.content] as const]
        : [];
    }),
  );
}

/** Apple's list: each topic, and after it a sequence of what it is for. */
function topicsIn(value: Buffer | undefined): string[] {
  const [list] = elementsIn(value);
  if (list?.tag !== SEQUENCE) return [];
  const topics = elementsIn(list.content).filter(({ tag }) => tag === UTF8_STRING);
  return topics.map(({ content }) => content.toString('utf8'));
}

interface Element {
  tag: number;
  content: Buffer;
}

/** The elements that stand side by side in DER; ends where it is none. */
function elementsIn(der: Buffer = Buffer.alloc(0)): Element[] {
  const found: Element[] = [];
  let rest = der;
  for (;;) {
    const extent = extentOf(rest);
    if (extent === undefined || rest.length < extent.end) return found;
    found.push({ tag: extent.tag, content: rest.subarray(extent.start, extent.end) });
    rest = rest.subarray(extent.end);
  }
}

/** Where the content of the first element begins and ends: X.690, 8.1.3. */
function extentOf(der: Buffer): { tag: number; start: number; end: number } | undefined {
  const [tag, short] = der;
  if (tag === undefined || short === undefined) return undefined;
  if (short < 0x80) return { tag, start: 2, end: 2 + short };
  const lengthBytes = short - 0x80;
  const start = 2 + lengthBytes;
  if (lengthBytes < 1 || lengthBytes > 4 || der.length < start) return undefined;
  return { tag, start, end: start + der.readUIntBE(2, lengthBytes) };
}
