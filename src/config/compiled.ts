import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { BUILD } from '../process/installation.ts';
import type { Config } from './config.ts';

/**
 * The checked configuration as JSON, in a file beside its source, as newaliases(1) and postmap(1) keep theirs. To read
 * YAML and check every key takes longer than all that an event needs besides.
 */
interface Compiled {
  /** What it was made of, and by which program. */
  source: string;
  config: Omit<Config, 'apns'> & { apns: CompiledApns };
}

/** As JSON has it. */
type CompiledApns = Omit<Config['apns'], 'server'> & { server: string };

const SUFFIX = '.compiled';

/** A source that was written so lately could be written again within one tick of its clock, and look the same. */
const SETTLED_MS = 2000;

/** Far more than every key with the longest paths. */
const MAX_BYTES = 64 * 1024;

const WRITABLE_BY_OTHERS = 0o022;

/**
 * The configuration in that file, where a compiled one is at hand: of this very source, and of nobody who could not
 * have written the source too. Else undefined, whatever the reason: then the source itself is read.
 */
export function readCompiled(path: string): Config | undefined {
  try {
    const source = statSync(path);
    const text = whatStandsTwice(readTrusted(path + SUFFIX, source));
    const { source: madeOf, config } = JSON.parse(text) as Compiled;
    if (madeOf !== identityOf(path, source)) return undefined;
    return { ...config, apns: withServer(config.apns) };
  } catch {
    return undefined; // the source is read, and tells what is wrong with it
  }
}

/** A damaged letter would be another path, or another server: so the text stands in two lines. Throws where they differ. */
function whatStandsTwice(lines: string): string {
  const half = lines.slice(0, lines.length / 2);
  if (half + half !== lines) throw new Error('damaged');
  return half;
}

/** Its first URL takes Node a sixth of a millisecond, and most events send nothing. The order of the keys stays. */
function withServer(apns: CompiledApns): Config['apns'] {
  let server: URL | undefined;
  const get = (): URL => (server ??= new URL(apns.server));
  const others: object = { ...apns };
  return Object.defineProperty(others, 'server', { get }) as Config['apns'];
}

/** Changes with every change of the file, and with the program: the next one may have other keys. */
function identityOf(path: string, { dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [path, BUILD, dev, ino, size, mtimeMs, ctimeMs].join(' ');
}

/** Throws where the file does not exist, or is no regular one of the source's owner alone. */
function readTrusted(path: string, source: Stats): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = fstatSync(fd);
    const isTrusted = found.isFile() && found.uid === source.uid && (found.mode & WRITABLE_BY_OTHERS) === 0;
    if (!isTrusted || found.size > MAX_BYTES) throw new Error('not trusted');
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** Keeps what was read from the source, where we own that and may write beside it. */
export function writeCompiled(path: string, source: Stats, config: Config): void {
  if (process.geteuid?.() !== source.uid || Date.now() - source.ctimeMs < SETTLED_MS) return;
  const draft = `${path}${SUFFIX}.${process.pid}`;
  const apns: CompiledApns = { ...config.apns, server: config.apns.server.href };
  const compiled: Compiled = { source: identityOf(path, source), config: { ...config, apns } };
  try {
    writeAs(draft, source, `${JSON.stringify(compiled)}\n`.repeat(2));
    renameSync(draft, path + SUFFIX);
  } catch {
    rmSync(draft, { force: true }); // only time is lost
  }
}

/** With the source's owner, and for those who may read it. */
function writeAs(file: string, { uid, gid, mode }: Stats, text: string): void {
  const fd = openSync(file, 'wx', 0o600);
  try {
    writeFileSync(fd, text);
    fchownSync(fd, uid, gid);
    fchmodSync(fd, mode & 0o644);
  } finally {
    closeSync(fd);
  }
}
