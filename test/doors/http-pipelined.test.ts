import { describe, expect, test } from 'vitest';
import { rawConnection, testDoor } from '../support/http-door.ts';

const request = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

/** Longer under way than the requests are. */
function later(): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, 50, '# none\n'));
}

function answersIn(text: string): number {
  return text.split('HTTP/1.1 200 ').length - 1;
}

describe('requests that are sent without waiting for answers', () => {
  test.each(['/metrics', '/healthz'])('have sixteen answers of sixteen: %s', async (path) => {
    const door = await testDoor({ metrics: later });
    const client = await rawConnection(door);
    client.socket.write(request(path).repeat(15) + request(path, 'Connection: close\r\n'));
    await client.closed;
    expect(answersIn(client.text())).toBe(16);
  });

  test.each([1, 16])('have their answers from a client that sends no more after them: %i', async (count) => {
    const door = await testDoor({ metrics: later });
    const client = await rawConnection(door);
    client.socket.end(request('/metrics').repeat(count));
    await client.closed;
    expect(answersIn(client.text())).toBe(count);
  });
});
