// One push as a bare script makes it, with node:http2 alone: what `xapplepush --wait` is measured against.
'use strict';
const { readFileSync } = require('node:fs');
const { connect } = require('node:http2');

const [url, certificate, key, ca, topic, deviceToken] = process.argv.slice(2);
const session = connect(url, {
  cert: readFileSync(certificate),
  key: readFileSync(key),
  ca: readFileSync(ca),
});
const stream = session.request({
  ':method': 'POST',
  ':path': `/3/device/${deviceToken}`,
  'apns-id': '0715a26b-ca09-4730-a419-793000ca982e',
  'apns-topic': topic,
  'apns-push-type': 'background',
  'apns-priority': '5',
  'apns-expiration': String(Math.floor(Date.now() / 1000) + 86_400),
  'content-type': 'application/json',
});
process.exitCode = 1;
stream.on('response', (headers) => {
  if (headers[':status'] === 200) process.exitCode = 0;
});
stream.on('end', () => session.close());
stream.resume();
stream.end('{"aps":{"account-id":"0715A26B-CA09-4730-A419-793000CA982E"}}');
