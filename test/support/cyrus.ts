import { chmod, chown, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { createInboxes, createPasswords } from './cyrus-accounts.ts';
import {
  cyrusConf,
  type CyrusLayout,
  imapdConf,
  type ImapdOptions,
  imapdOptions,
  sasldbPath,
  stateDirectories,
} from './cyrus-config.ts';
import { cyrusInstallation, type CyrusInstallation } from './cyrus-installation.ts';
import { type CyrusMaster, startMaster } from './cyrus-master.ts';
import { freePort } from './cyrus-port.ts';
import { createCertificate, untilReady } from './imap-server.ts';

export { cyrusAvailability } from './cyrus-installation.ts';
export { describeWithCyrus } from './cyrus-suite.ts';

export interface CyrusOptions {
  /** Path of the handler; user cyrus must be able to reach and to execute it. */
  notifyExternal: string;
  /** More lines of imapd.conf, such as altnamespace, unixhierarchysep, virtdomains, defaultdomain. */
  namespace?: Record<string, string>;
  /** Default: applepushservice message flags. */
  eventGroups?: string;
  apsTopic: string;
  /** Made with an INBOX and the password "secret". */
  users: string[];
  /** The whole environment of master, which notifyd hands to the handler. Default: empty. */
  environment?: Record<string, string>;
  /** Whether httpd runs too; the options of imapd.conf that it needs are among those of `namespace`. */
  withHttpd?: boolean;
}

export interface Cyrus {
  imapsPort: number;
  lmtpPort: number;
  httpsPort?: number;
  dir: string;
  /** Path of its imapd.conf. */
  imapdConf: string;
  /** The self-signed certificate of the server, which is its own authority. */
  caPem: string;
  /**
   * Ends every process of the server, handlers included, and removes its files. A child that a handler detached is
   * ended as well if it mentions the temporary directory of this server, of the handler or of its environment.
   */
  stop(): Promise<void>;
  notifydPid(): number | undefined;
}

const DEFAULT_EVENT_GROUPS = 'applepushservice message flags';

/** Runs a Cyrus of its own: IMAPS and LMTP on loopback ports, notifyd, state in a temporary directory. */
export async function startCyrus(options: CyrusOptions): Promise<Cyrus> {
  const installation = cyrusInstallation();
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'cyrus-'));
  let master: CyrusMaster | undefined;
  const stop = async () => {
    await master?.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const ports = { imapsPort: await freePort(), lmtpPort: await freePort() };
    const layout = {
      ...{ dir, bin: installation.bin, ...ports },
      ...(options.withHttpd === true && { httpsPort: await freePort() }),
    };
    const imapd = await prepare(layout, installation, options);
    master = startMaster(dir, installation, options.environment ?? {}, handlerDirectories(options));
    const { notifydPid } = master;
    const caPem = await readFile(`${dir}/cert.pem`, 'utf8');
    const cyrus = { ...layout, imapdConf: `${dir}/imapd.conf`, caPem, stop, notifydPid };
    // It binds all sockets before it starts a service.
    await untilReady(cyrus, master);
    await createInboxes(cyrus, options.users, imapd);
    return cyrus;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Writes everything that master reads, and hands it over to user cyrus. */
async function prepare(
  layout: CyrusLayout,
  tools: CyrusInstallation,
  options: CyrusOptions,
): Promise<ImapdOptions> {
  const { dir } = layout;
  const events = { eventGroups: DEFAULT_EVENT_GROUPS, ...options };
  const imapd = imapdOptions(layout, events, options.namespace ?? {});
  await writeFile(`${dir}/imapd.conf`, imapdConf(imapd));
  await writeFile(`${dir}/cyrus.conf`, cyrusConf(layout, imapd));
  createCertificate(dir, tools.openssl);
  createPasswords(dir, tools, options.users, imapd);
  await Promise.all(stateDirectories(dir).map((path) => mkdir(path, { recursive: true })));
  // mkdtemp makes it 0700, and a command under test may read imapd.conf as yet another user.
  await chmod(dir, 0o755);
  const owned = ['', 'conf', 'run', 'key.pem'].map((name) => join(dir, name));
  const paths = [...owned, sasldbPath(dir), ...stateDirectories(dir)];
  await Promise.all(paths.map((path) => chown(path, tools.uid, tools.gid)));
  return imapd;
}

/**
 * The temporary directories of the test: where its handler lies and what the environment points to. A Node that lies
 * in one as well runs the handlers of every other test, so it tells nothing.
 */
function handlerDirectories({ notifyExternal, environment = {} }: CyrusOptions): string[] {
  const temporary = tmpdir();
  return [notifyExternal, ...Object.values(environment)]
    .filter((path) => path.startsWith(`${temporary}${sep}`) && path !== process.execPath)
    .map((path) => join(temporary, relative(temporary, path).split(sep)[0] ?? ''));
}
