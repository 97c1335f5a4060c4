import { readdirSync, readFileSync } from 'node:fs';
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { freePort } from './cyrus-port.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { dovecotConf, EXAMPLES } from './dovecot-config.ts';
import { dovecotInstallation, type DovecotInstallation } from './dovecot-installation.ts';
import { createCertificate, untilReady } from './imap-server.ts';
import type { Network } from './network.ts';

export { dovecotAvailability, MAIL_USER } from './dovecot-installation.ts';
export { describeWithDovecot } from './dovecot-suite.ts';

export interface DovecotOptions {
  /** More lines of dovecot.conf, given the path under which a script of examples/dovecot is installed. */
  configuration?: (script: (name: string) => string) => string;
  /** Temporary folders of the test: what mentions one of them is ended by stop(). */
  directories?: string[];
  /** Where it runs; its ports are led to the same ones of our loopback. */
  network?: Network;
}

export interface Dovecot {
  imapsPort: number;
  lmtpPort: number;
  dir: string;
  /** The self-signed certificate of the server, which is its own authority. */
  caPem: string;
  /** Its log so far. */
  log(): string;
  /** Ends every process of the server, and what it started, and removes its files. */
  stop(): Promise<void>;
}

/** Runs a Dovecot of its own: IMAPS and LMTP on loopback ports, all its files in a temporary directory. */
export async function startDovecot({
  configuration,
  directories = [],
  network,
}: DovecotOptions): Promise<Dovecot> {
  const installation = dovecotInstallation();
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'dovecot-'));
  let daemon: Daemon | undefined;
  const stop = async (): Promise<void> => {
    await daemon?.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const layout = { dir, imapsPort: await freePort(), lmtpPort: await freePort() };
    const script = (name: string): string => join(dir, 'scripts', name);
    await prepare(dir, installation);
    await writeFile(join(dir, 'dovecot.conf'), dovecotConf(layout, configuration?.(script) ?? ''));
    for (const port of [layout.imapsPort, layout.lmtpPort]) await network?.letIn(port);
    daemon = start(dir, installation, directories, network?.prefix);
    const caPem = await readFile(join(dir, 'cert.pem'), 'utf8');
    const log = (): string => readFileSync(join(dir, 'dovecot.log'), 'utf8');
    const dovecot = { ...layout, caPem, log, stop };
    await untilReady(dovecot, daemon);
    return dovecot;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Makes everything that the configuration speaks of. */
async function prepare(dir: string, { libexec, openssl, uid, gid }: DovecotInstallation): Promise<void> {
  // mkdtemp makes it 0700, and the mail user must reach its mail.
  await chmod(dir, 0o755);
  for (const name of ['mail', 'libexec', 'scripts']) await mkdir(join(dir, name));
  await chown(join(dir, 'mail'), uid, gid);
  const programs = new Map(
    libexec.flatMap((folder) => readdirSync(folder).map((name) => [name, join(folder, name)])),
  );
  for (const [name, path] of programs) await symlink(path, join(dir, 'libexec', name));
  for (const name of readdirSync(EXAMPLES).filter((file) => file.endsWith('.lua')))
    await copyFile(join(EXAMPLES, name), join(dir, 'scripts', basename(name)));
  createCertificate(dir, openssl);
}

function start(
  dir: string,
  { dovecot, timeout, uid }: DovecotInstallation,
  directories: string[],
  prefix: readonly string[] = [],
): Daemon {
  const command = [...prefix, dovecot, '-F', '-c', join(dir, 'dovecot.conf')];
  return startDaemon({ command, timeout, dir, env: {}, uid, directories });
}
