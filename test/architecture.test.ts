import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

/** Files and folders that decide and do nothing: no file system, network, process, clock, chance or log. */
const PURE = [
  'intake/policy.ts',
  'mailboxes/',
  'targets/',
  'outbox/',
  'manual/command-tree.ts',
  'manual/completion.ts',
  'manual/completion-bash.ts',
  'manual/completion-fish.ts',
  'manual/completion-zsh.ts',
  'manual/configuration-keys.ts',
  'manual/man-page.ts',
  'manual/page-words.ts',
  'manual/roff.ts',
  'transfer/admission.ts',
  'transfer/csv.ts',
  'transfer/csv-records.ts',
  'transfer/instant.ts',
  'transfer/target-line.ts',
  'transfer/xaps-database.ts',
  'delivery/push-of.ts',
  'services/endpoint.ts',
  'services/settlement.ts',
  'services/answers.ts',
  'services/retry-after.ts',
  'services/webhook.ts',
  'services/deltachat.ts',
  'services/webpush/subscription.ts',
  'services/webpush/encryption.ts',
  'services/webpush/message.ts',
  'services/webpush/vapid.ts',
  'status/finding.ts',
  'status/serve-rules.ts',
  'status/rules.ts',
  'status/verdict.ts',
  'status/screen.ts',
  'status/layout.ts',
  'status/json.ts',
  'status/hosts.ts',
  'page/html.ts',
  'page/style.ts',
  'page/table.ts',
  'page/pushes.ts',
  'page/plot.ts',
  'page/figures.ts',
  'page/events.ts',
  'page/page.ts',
  'page/answer.ts',
  'apns/payload.ts',
  'apns/outcome.ts',
  'apns/provider-token.ts',
  'apns/credentials/mail-topics.ts',
  'apns/credentials/expiry.ts',
  'apns/credentials/defects.ts',
  'apns/credentials/apple-extensions.ts',
  'test-push/cyrus-name.ts',
  'check/point.ts',
  'check/cyrus-conf.ts',
  'check/imapd-place.ts',
  'check/temporary.ts',
  'check/dovecot/doveconf-output.ts',
  'check/dovecot/mail-owner.ts',
  'check/dovecot/metadata.ts',
  'check/dovecot/ox.ts',
  'check/dovecot/plugins.ts',
  'check/dovecot/services.ts',
  'check/dovecot/setup.ts',
  'check/dovecot/user-names.ts',
  'check/imapd-conf.ts',
  'check/apple-answer.ts',
  'doors/dict-command.ts',
  'doors/dict-deltachat.ts',
  'doors/dict-escapes.ts',
  'doors/dict-lines.ts',
  'doors/dict-reply.ts',
  'doors/dict-transactions.ts',
  'doors/dlist.ts',
  'doors/dlist-input.ts',
  'doors/dlist-string.ts',
  'doors/notification.ts',
  'events/mail-event.ts',
  'events/cyrus.ts',
  'events/dovecot.ts',
  'events/fields.ts',
  'events/ox.ts',
  'events/xaps.ts',
  'events/parse.ts',
  'config/duration.ts',
  'config/imapd-mistakes.ts',
  'process/redact.ts',
];

/** What of Node a pure file may use. */
const PURE_BUILTINS = ['node:crypto'];

/** Libraries that only compute. */
const PURE_LIBRARIES = ['csv-parse/sync', 'fast-string-width', 'fast-wrap-ansi', 'valibot'];

/** Not for pure files, nor for what they import. */
const IMPURE_FILES = [
  'process/clock.ts',
  'process/log.ts',
  'process/log-file.ts',
  'process/report.ts',
  'process/standard-error.ts',
  'store/open.ts',
];
const IMPURE_WORDS = [
  'Date.now',
  'new Date()',
  'Math.random',
  'process.',
  'performance.',
  'setTimeout',
  'randomUUID',
];

/** Each library, and the one file that knows it. Others may import its types. */
const OWNERS: Record<string, string> = {
  'better-sqlite3': 'store/sqlite/better-sqlite3.ts',
  'better-sqlite3-node20': 'node-20/sqlite-driver.ts',
  commander: 'cli/run.ts',
  'csv-parse': 'transfer/csv-records.ts',
  'fast-string-width': 'terminal/columns.ts',
  'fast-wrap-ansi': 'terminal/columns.ts',
  'http2-wrapper': 'apns/wire.ts',
  'node-forge': 'apns/credentials/pki.ts',
  pino: 'process/log-file.ts',
  pg: 'store/postgres/connection.ts',
  'prom-client': 'serve/metrics.ts',
  yaml: 'config/yaml.ts',
};

/** The files with schemas of valibot. */
const SCHEMA_OWNERS = [
  'config/kinds.ts',
  'config/read.ts',
  'config/schema.ts',
  'config/url-kinds.ts',
  'manual/configuration-keys.ts',
  'transfer/checking.ts',
  'transfer/csv.ts',
  'transfer/target-line.ts',
  'transfer/xaps-database.ts',
];

/** The rooms from the top of the house to its ground. Nobody imports from a room above, types included. */
const STAIRS = [
  ...['main.ts', 'cli/', 'serve/', 'handle.ts'],
  'page/',
  ...['check/', 'status/', 'prune/', 'test-push/', 'transfer/', 'waiting/', 'devices/', 'endpoints/'],
  ...['doors/', 'delivery/', 'intake/', 'history/', 'cert/', 'store/', 'services/', 'apns/'],
  ...['manual/', 'terminal/', 'sockets/', 'config/', 'spool/'],
  ...['outbox/', 'targets/', 'events/', 'mailboxes/', 'process/', 'node-20/'],
];

/** What is around a process. It is given to all below the entrance as an argument (process/surroundings.ts). */
const SURROUNDINGS =
  /\bsystemClock\b|\bprocess\.(?:stdin|stdout|stderr|env|argv|on|once|off|exit|exitCode)\b/;

/** Who may ask for it: those that are about the process itself, real time-outs of the network, where tools lie, and what libpq asks it for. */
const ASKS_FOR_SURROUNDINGS = [
  ...['main.ts', 'process/hand-over.ts', 'process/own-streams.ts', 'process/due-writes.ts', 'apns/client.ts'],
  ...['process/mail-user.ts', 'check/trial-script.ts', 'check/cyrus-version.ts'],
  ...['check/dovecot/run-doveconf.ts', 'store/postgres/environment.ts'],
];

/** What a statement begins with, and a word after it. */
const SQL = /\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|PRAGMA|CREATE (?:TABLE|INDEX))\s+[\w@(*]/;

/** Nobody imports it: what the program does begins there. */
const ENTRANCE = ['main.ts'];

interface Import {
  /** A file of src, such as apns/push.ts, or a module's name. */
  of: string;
  typeOnly: boolean;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'src');

const TEXTS = new Map(
  readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => [name, readFileSync(join(SOURCE, name), 'utf8')]),
);
const FILES = [...TEXTS.keys()];
const IMPORTS = new Map([...TEXTS].map(([name, text]) => [name, importsOf(name, text)]));

/** Static imports and re-exports, import(), import types, and calls of require, whatever made that function. */
function importsOf(name: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const { text: module } = specifier;
    const of = module.startsWith('.') ? posix.join(posix.dirname(name), module) : module;
    found.push({ of, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && isLoader(node.expression)) add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(name, text, ts.ScriptTarget.Latest));
  return found;
}

/** import, require, or createRequire(…). */
function isLoader(callee: ts.Expression): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  if (ts.isIdentifier(callee)) return callee.text === 'require';
  return (
    ts.isCallExpression(callee) &&
    ts.isIdentifier(callee.expression) &&
    callee.expression.text === 'createRequire'
  );
}

function valueImports(file: string): string[] {
  return (IMPORTS.get(file) ?? []).filter(({ typeOnly }) => !typeOnly).map(({ of }) => of);
}

/** The file and every file of src that it loads. */
function closureOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file) || !TEXTS.has(file)) return seen;
  seen.add(file);
  for (const imported of valueImports(file)) closureOf(imported, seen);
  return seen;
}

function isIn(file: string, place: string): boolean {
  return place.endsWith('/') ? file.startsWith(place) : file === place;
}

/** Counted from the top. */
function floorOf(file: string): number {
  return STAIRS.findIndex((room) => isIn(file, room));
}

/** The package of a module such as csv-parse/sync. */
function packageOf(module: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(module)?.[0] ?? module;
}

/** The text without comments, so that a word in one is no use of it. */
function codeOf(file: string): string {
  const scanner = ts.createScanner(
    ts.ScriptTarget.Latest,
    true,
    ts.LanguageVariant.Standard,
    TEXTS.get(file) ?? '',
  );
  const tokens: string[] = [];
  while (scanner.scan() !== ts.SyntaxKind.EndOfFileToken) tokens.push(scanner.getTokenText());
  return tokens.join('');
}

describe('the lists above', () => {
  test('name files and folders that exist', () => {
    const named = [
      ...PURE,
      ...IMPURE_FILES,
      ...ENTRANCE,
      ...Object.values(OWNERS),
      ...SCHEMA_OWNERS,
      ...STAIRS,
    ];
    expect(named.filter((place) => !FILES.some((file) => isIn(file, place)))).toEqual([]);
  });

  test('name every library that the program depends on', () => {
    const { dependencies, optionalDependencies, devDependencies } = JSON.parse(
      readFileSync(join(ROOT, 'package.json'), 'utf8'),
    ) as Record<'dependencies' | 'optionalDependencies' | 'devDependencies', Record<string, string>>;
    const installed = Object.keys({ ...dependencies, ...optionalDependencies });
    expect(installed.filter((name) => !(name in OWNERS))).toEqual([]);
    // Those that are bundled are needed for the build only.
    const known = [...installed, ...Object.keys(devDependencies)];
    expect(Object.keys(OWNERS).filter((name) => !known.includes(name))).toEqual([]);
  });

  test('are held against what the files really import', () => {
    expect(
      importsOf('a/b.ts', `import { x } from './c.ts'; import type T from '../d.ts'; import 'node:fs';`),
    ).toEqual([
      { of: 'a/c.ts', typeOnly: false },
      { of: 'd.ts', typeOnly: true },
      { of: 'node:fs', typeOnly: false },
    ]);
    const loads = `
      const a = await import('yaml');
      const b = createRequire(import.meta.url)('pino') as typeof import('pino');
      export * from './c.ts';
      export type { X } from './d.ts';
      import { type Y } from './e.ts';`;
    expect(importsOf('b.ts', loads)).toEqual([
      { of: 'yaml', typeOnly: false },
      { of: 'pino', typeOnly: false },
      { of: 'pino', typeOnly: true },
      { of: 'c.ts', typeOnly: false },
      { of: 'd.ts', typeOnly: true },
      { of: 'e.ts', typeOnly: false },
    ]);
  });
});

describe('pure files', () => {
  const pure = FILES.filter((file) => PURE.some((place) => isIn(file, place)));

  test.each(pure)('%s reaches out to nothing', (file) => {
    const reached = [...closureOf(file)].flatMap((each) => [each, ...valueImports(each)]);
    const allowed = (name: string): boolean =>
      TEXTS.has(name) ? !IMPURE_FILES.includes(name) : [...PURE_BUILTINS, ...PURE_LIBRARIES].includes(name);
    expect(reached.filter((name) => !allowed(name))).toEqual([]);
  });

  test.each(pure)('%s asks for neither time nor chance', (file) => {
    const used = [...closureOf(file)].flatMap((each) =>
      IMPURE_WORDS.filter((word) => codeOf(each).includes(word.replaceAll(' ', ''))).map(
        (word) => `${each}: ${word}`,
      ),
    );
    expect(used).toEqual([]);
  });
});

describe('libraries', () => {
  test('each is loaded by its owner only', () => {
    const loaded = FILES.flatMap((file) =>
      valueImports(file)
        .filter((name) => !/^node:|\.ts$|package\.json$/.test(name))
        .map((name) => `${packageOf(name)} by ${file}`),
    );
    const owned = Object.entries(OWNERS).map(([library, owner]) => `${library} by ${owner}`);
    owned.push(...SCHEMA_OWNERS.map((owner) => `valibot by ${owner}`));
    expect([...new Set(loaded)].sort()).toEqual(owned.sort());
  });

  test('the place of a file is asked for only by its path, which the bundler knows', () => {
    const asked = FILES.filter((file) =>
      codeOf(file).replaceAll('createRequire(import.meta.url)', '').includes('import.meta.url'),
    );
    expect(asked).toEqual([]);
  });

  test('Node’s own modules are named as such', () => {
    const bare = FILES.flatMap((file) => (IMPORTS.get(file) ?? []).map(({ of }) => of)).filter((name) =>
      builtinModules.includes(name),
    );
    expect(bare).toEqual([]);
  });
});

describe('walls', () => {
  test('each file has its place on the stairs', () => {
    expect(FILES.filter((file) => floorOf(file) === -1)).toEqual([]);
  });

  test.each(STAIRS)('nothing comes up the stairs to %s', (room) => {
    const floor = STAIRS.indexOf(room);
    const upwards = FILES.filter((file) => isIn(file, room)).flatMap((file) =>
      (IMPORTS.get(file) ?? [])
        .filter(({ of }) => TEXTS.has(of) && floorOf(of) < floor)
        .map(({ of }) => `${file} imports ${of}`),
    );
    expect(upwards).toEqual([]);
  });

  test('every import of a file names one that exists, inside src', () => {
    const local = FILES.flatMap((file) => (IMPORTS.get(file) ?? []).map(({ of }) => of)).filter(
      (name) => name.endsWith('.ts') || name.startsWith('..'),
    );
    expect(local.filter((name) => !TEXTS.has(name))).toEqual(['../package.json']);
    expect(local.length).toBeGreaterThan(FILES.length);
  });

  test('SQL, and what speaks it, is in the store alone', () => {
    const outside = FILES.filter((file) => !file.startsWith('store/'));
    const speaking = outside.filter((file) => SQL.test(codeOf(file)));
    const through = outside.filter((file) =>
      (IMPORTS.get(file) ?? []).some(({ of }) => of.startsWith('store/sqlite/')),
    );
    expect([...speaking, ...through]).toEqual([]);
  });

  test('clock, streams and environment come as arguments', () => {
    const asking = FILES.filter((file) => SURROUNDINGS.test(codeOf(file)));
    expect(asking).toEqual([...ASKS_FOR_SURROUNDINGS].sort());
  });

  test('nobody imports the entrance', () => {
    const importers = FILES.filter((file) => valueImports(file).some((name) => ENTRANCE.includes(name)));
    expect(importers).toEqual([]);
  });

  test('no file loads itself by way of others', () => {
    const circular = FILES.filter((file) =>
      valueImports(file).some((name) => TEXTS.has(name) && closureOf(name).has(file)),
    );
    expect(circular).toEqual([]);
  });

  test('every file is of use: the entrance leads to it, if only for a type', () => {
    const reached = new Set(ENTRANCE);
    for (const file of reached)
      for (const { of } of IMPORTS.get(file) ?? []) if (TEXTS.has(of)) reached.add(of);
    expect(FILES.filter((file) => !reached.has(file))).toEqual([]);
  });
});
