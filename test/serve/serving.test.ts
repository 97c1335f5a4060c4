import { expect, test } from 'vitest';
import { configure, environmentOf, eventually } from '../support/command.ts';
import { runIn, sandboxHere } from '../support/here.ts';
import { testSurroundings } from '../support/surroundings.ts';

/** What `serve` tells whoever starts it on a terminal, with that further line of the configuration. */
async function toldOnATerminal(yaml: string): Promise<string> {
  const sandbox = sandboxHere('');
  configure(sandbox, `apns: { topic: t }\n${yaml}`);
  const terminal = { columns: 100, rows: 30 };
  const around = testSurroundings({ terminal, env: environmentOf(sandbox.configFile) });
  const ended = runIn(around, ['serve']);
  try {
    await eventually(around.stderrText, (text) => text.includes('ready; '));
    return around.stderrText().replaceAll(sandbox.dir, 'DIR');
  } finally {
    around.signal('SIGTERM');
    await ended;
    sandbox.remove();
  }
}

test('that it is ready, and through which doors', async () => {
  const told = await toldOnATerminal('');
  expect(told).toMatch(
    /^xapplepush: ready; takes events through spool DIR\/spool, control DIR\/x\.sock; Ctrl-C ends it$/m,
  );
});

test('which door is closed, and why', async () => {
  const told = await toldOnATerminal('serve: { cyrus_socket: /none/c.sock }\n');
  expect(told).toMatch(
    /^xapplepush: ready; takes events through spool DIR\/spool, control DIR\/x\.sock; Ctrl-C ends it$/m,
  );
  expect(told).toMatch(/^xapplepush: warn: .*\/none\/c\.sock/m);
});
