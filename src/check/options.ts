import type { Clock } from '../process/clock.ts';
import type { RunDoveconf } from './dovecot/run-doveconf.ts';
import type { Listener } from './subject.ts';

export interface CheckOptions {
  /** `--config`. */
  configFile: string | undefined;
  environment: NodeJS.ProcessEnv;
  clock: Clock;
  /** For each step towards Apple. */
  timeoutMs: number;
  /** Before it, files are tried as the mail server's user; after it, the database may be opened. */
  actAsOwnerOf: (store: string, configFile: string | undefined) => void;
  canChangeUser: () => boolean;
  /** For whoever has judged the other points, and runs this as the owner of the database. */
  ownersPartOnly?: boolean;
  /** What Dovecot says of its configuration, where there is one. */
  runDoveconf: RunDoveconf;
  /** When this program was put here; by default as its files say. */
  installedMs?: number;
  /** Those that do not last; by default the system's. */
  temporaryFolders?: readonly string[];
  /** The root folder of the system, for what cron and systemd start. */
  systemRoot?: string;
  /** Hears of the points of each subject as soon as they are known. */
  listener?: Listener;
}
