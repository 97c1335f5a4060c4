import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configFor, startTestApns, type TestApns } from './apns.ts';
import { createSandbox, type Sandbox } from './command.ts';
import { dovecotInstallation, MAIL_USER } from './dovecot-installation.ts';
import { installProgram } from './installation.ts';

/** A host with the installed program, its configuration and a stand-in for Apple, all usable by the mail user. */
export interface DovecotHost {
  apns: TestApns;
  sandbox: Sandbox;
  /** Runs the installed program; Dovecot gives it no environment, so its configuration is named in here. */
  command: string;
  /** The log of the program so far. */
  log(): string;
  close(): Promise<void>;
}

/** `yaml` are more lines of the configuration. */
export async function createDovecotHost(yaml = ''): Promise<DovecotHost> {
  const apns = await startTestApns();
  const sandbox = createSandbox(configFor(apns), 'xapplepush-e2e-');
  const [log, command] = [join(sandbox.dir, 'log'), join(sandbox.dir, 'command')];
  const logging = `log: { level: debug, destination: ${log} }\n`;
  writeFileSync(sandbox.configFile, `${readFileSync(sandbox.configFile, 'utf8')}${yaml}${logging}`);
  writeFileSync(log, '');
  const program = installProgram(join(sandbox.dir, 'program'));
  const environment = `XAPPLEPUSH_CONFIG=${sandbox.configFile} XAPPLEPUSH_NODE=${process.execPath}`;
  writeFileSync(command, `#!/bin/sh\n${environment} exec ${program} "$@"\n`, { mode: 0o755 });
  makeSpool(sandbox.spool);
  for (const dir of [sandbox.dir, apns.dir]) {
    execFileSync('chown', ['-R', `${MAIL_USER}:`, dir]);
    chmodSync(dir, 0o755);
  }
  return {
    apns,
    sandbox,
    command,
    log: () => readFileSync(log, 'utf8'),
    close: async () => {
      sandbox.remove();
      await apns.close();
    },
  };
}

/** A spool with the owner and the modes that our documentation gives it. */
export function makeSpool(spool: string): void {
  const { uid, gid } = dovecotInstallation();
  for (const path of [spool, join(spool, 'tmp'), join(spool, 'new')]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chownSync(path, uid, gid);
  }
}
