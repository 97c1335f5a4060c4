import { request } from 'node:https';

export interface DavEndpoint {
  httpsPort?: number;
  caPem: string;
}

export interface DavReply {
  status: number;
  body: string;
}

/** What a Mac or a phone finds out about a collection: where to subscribe, under which topic, and its key. */
export interface PushTransport {
  subscriptionUrl: string;
  topic: string;
  /** By the path of each collection. */
  keys: ReadonlyMap<string, string>;
}

/** A client of CalDAV and CardDAV with the password "secret", over TLS. */
export interface DavClient {
  ask(method: string, path: string, body?: string, headers?: Record<string, string>): Promise<DavReply>;
  /** PROPFIND for what is told of pushes in a home and its collections. */
  discover(home: string): Promise<PushTransport>;
  subscribe(transport: PushTransport, key: string, deviceToken: string): Promise<DavReply>;
}

export function davClient(endpoint: DavEndpoint, user: string): DavClient {
  const ask: DavClient['ask'] = (method, path, body = '', headers = {}) =>
    new Promise((resolve, reject) => {
      const options = {
        ...{ host: '127.0.0.1', port: endpoint.httpsPort, servername: 'localhost', ca: endpoint.caPem },
        ...{ method, path, auth: `${user}:secret`, agent: false },
        headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
      };
      const asking = request(options, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
      });
      asking.on('error', reject);
      asking.end(body);
    });
  return {
    ask,
    discover: async (home) => {
      const { status, body } = await ask('PROPFIND', home, PROPFIND, { Depth: '1', 'Content-Type': XML });
      if (status !== 207) throw new Error(`PROPFIND ${home} was answered ${status}: ${body}`);
      return transportIn(body);
    },
    subscribe: ({ subscriptionUrl }, key, deviceToken) => {
      const form = new URLSearchParams({ token: deviceToken, key }).toString();
      return ask('POST', subscriptionUrl, form, { 'Content-Type': 'application/x-www-form-urlencoded' });
    },
  };
}

const XML = 'application/xml; charset=utf-8';

const PROPFIND =
  '<?xml version="1.0"?><D:propfind xmlns:D="DAV:" xmlns:CS="http://calendarserver.org/ns/">' +
  '<D:prop><D:resourcetype/><CS:push-transports/><CS:pushkey/></D:prop></D:propfind>';

function transportIn(body: string): PushTransport {
  const responses = body.split('<D:response>').slice(1);
  const keys = responses.flatMap((each) => {
    const [path, key] = [valueOf('D:href', each), valueOf('CS:pushkey', each)];
    return path === undefined || key === undefined ? [] : [[path, key] as const];
  });
  const transport = /<CS:transport type="APSD">[^]*?<\/CS:transport>/.exec(body)?.[0] ?? '';
  return {
    subscriptionUrl: valueOf('D:href', transport) ?? '',
    topic: valueOf('CS:apsbundleid', transport) ?? '',
    keys: new Map(keys),
  };
}

function valueOf(element: string, xml: string): string | undefined {
  return new RegExp(`<${element}>([^<]+)</${element}>`).exec(xml)?.[1];
}

let objects = 0;

/** An event of a calendar, unlike any before. */
export function calendarEvent(summary: string): string {
  objects += 1;
  const uid = `${objects}-${process.pid}@example.org`;
  const lines = [
    ...['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//example.org//test//EN', 'BEGIN:VEVENT', `UID:${uid}`],
    ...['DTSTAMP:20261120T120000Z', 'DTSTART:20261121T090000Z', 'DTEND:20261121T100000Z'],
    ...[`SUMMARY:${summary}`, 'END:VEVENT', 'END:VCALENDAR', ''],
  ];
  return lines.join('\r\n');
}

/** A card of an address book. */
export function card(name: string): string {
  objects += 1;
  const lines = ['BEGIN:VCARD', 'VERSION:3.0', `UID:${objects}-${process.pid}@example.org`];
  return [...lines, `N:${name};;;;`, `FN:${name}`, 'END:VCARD', ''].join('\r\n');
}
