import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { COMMAND, environmentOf, eventually, type Sandbox } from './command.ts';
import { servings } from './serve.ts';

const PROGRAM = fileURLToPath(new URL('activator.py', import.meta.url));

/** A socket that is held: a Unix socket, or a port of the loopback, 0 for any. */
export type HeldSocket = { name: string } & ({ path: string } | { port: number; host?: string });

/** Holds listening sockets as systemd does, over any number of `serve` processes. */
export interface Activator {
  /** In the order of the sockets; 0 for Unix sockets. */
  ports: number[];
  /** Starts `serve` and resolves, with its pid, when its doors are open, or with its exit code when it has ended. */
  start(): Promise<{ pid: number; code?: number | undefined }>;
  /** Sends the signal and resolves with the exit code, negative for a signal. */
  end(pid: number, signal: NodeJS.Signals): Promise<number>;
  close(): void;
}

interface Told {
  ports?: number[];
  started?: number;
  ended?: number;
  code?: number;
}

/** `owner` is whose the sockets are. */
export async function startActivator(
  sandbox: Sandbox,
  sockets: HeldSocket[],
  {
    owner,
    command = COMMAND,
    environment = {},
  }: { owner?: [number, number]; command?: string; environment?: Record<string, string> } = {},
): Promise<Activator> {
  const ask = {
    sockets,
    owner,
    command: [command, 'serve'],
    environment: { ...environmentOf(sandbox.configFile), ...environment },
  };
  const child = spawn('python3', [PROGRAM, JSON.stringify(ask)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const codes = new Map<number, number>();
  const started: number[] = [];
  let ports: number[] | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const told = JSON.parse(line) as Told;
    ports = told.ports ?? ports;
    if (told.started !== undefined) started.push(told.started);
    if (told.ended !== undefined) codes.set(told.ended, told.code ?? NaN);
  });
  const known = await eventually(
    () => ports,
    (value) => value !== undefined,
  );
  return {
    ports: known ?? [],
    start: async () => {
      const [before, count] = [servings(sandbox), started.length];
      child.stdin.write('start\n');
      await eventually(
        () => servings(sandbox) > before || codes.has(started[count] ?? NaN),
        (is) => is,
        60_000,
      );
      const pid = started[count]!;
      return { pid, code: codes.get(pid) };
    },
    end: async (pid, signal) => {
      process.kill(pid, signal);
      await eventually(
        () => codes.has(pid),
        (has) => has,
        60_000,
      );
      return codes.get(pid)!;
    },
    close: () => {
      for (const pid of started) if (!codes.has(pid)) process.kill(pid, 'SIGKILL');
      child.kill();
    },
  };
}
