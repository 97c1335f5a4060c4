import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readCompiled } from '../../src/config/compiled.ts';
import { textOf } from '../../src/config/edition.ts';
import { loadConfig } from '../../src/config/load.ts';
import { testAsRoot } from '../support/needs.ts';

let folder: string;
let source: string;
let compiled: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'xapplepush-compiled-'));
  source = path.join(folder, 'config.yaml');
  compiled = `${source}.compiled`;
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(() => {
  vi.useRealTimers();
  fs.rmSync(folder, { recursive: true });
});

/** Writes the source some time before now. */
function write(text: string, agoMs = 60_000): void {
  fs.writeFileSync(source, text);
  vi.setSystemTime(fs.statSync(source).ctimeMs + agoMs);
}

function compile(text = 'store: /a.db'): void {
  write(text);
  loadConfig(source, {});
  expect(readCompiled(source)).toEqual(loadConfig(source, {}));
}

describe('what is kept beside the source', () => {
  it('is the very configuration, whatever is configured', () => {
    const example = fs.readFileSync('examples/config.yaml', 'utf8');
    compile(example);
    const all = example
      .replace(/^( *)#(?=\w+: )/gm, '$1')
      .replace(/^ *token:\n(?: .*\n)*?(?= *topic)/m, '')
      .replace(/^(?:store_password_file|host|state):.*/gm, '');
    compile(all.replace(/^ {2}token:[^]*?(?=^ {2}# The topic)/m, ''));
    expect(readCompiled(source)?.apns.server).toBeInstanceOf(URL);
  });

  it('is the same text as what was read, which the watch for changes compares', () => {
    compile('apns: { server: sandbox, certificate: /c, topic: t }');
    expect(textOf(readCompiled(source)!)).toBe(textOf(loadConfig(source, {})));
  });

  it('is kept for those who may read the source, and nobody else may write it', () => {
    write('store: /a.db');
    fs.chmodSync(source, 0o660);
    loadConfig(source, {});
    expect(fs.statSync(compiled).mode & 0o777).toBe(0o640);
  });

  it('leaves no draft behind', () => {
    compile();
    expect(fs.readdirSync(folder).sort()).toEqual(['config.yaml', 'config.yaml.compiled']);
  });

  it('is not kept of a source that was written just now: it could change again and look the same', () => {
    write('store: /a.db', 1999);
    loadConfig(source, {});
    expect(fs.existsSync(compiled)).toBe(false);
  });

  it('is not kept of a source that is wrong', () => {
    write('stores: /a.db');
    expect(() => loadConfig(source, {})).toThrow('unknown key');
    expect(fs.existsSync(compiled)).toBe(false);
  });

  it('is not kept where it cannot be written, which is no error', () => {
    write('store: /a.db');
    fs.mkdirSync(compiled);
    expect(loadConfig(source, {}).store).toBe('/a.db');
    expect(readCompiled(source)).toBeUndefined();
    expect(fs.readdirSync(folder).sort()).toEqual(['config.yaml', 'config.yaml.compiled']);
  });

  testAsRoot('is not kept by somebody who does not own the source', () => {
    write('store: /a.db');
    fs.chownSync(source, 65534, 65534);
    loadConfig(source, {});
    expect(fs.existsSync(compiled)).toBe(false);
  });
});

describe('it is passed over', () => {
  it('where there is none', () => {
    write('store: /a.db');
    expect(readCompiled(source)).toBeUndefined();
  });

  it('where the source is gone', () => {
    compile();
    fs.rmSync(source);
    expect(readCompiled(source)).toBeUndefined();
  });

  it('where the source was written again, though its size and time are the same', () => {
    compile('store: /a.db');
    const { atime, mtime, ctimeMs } = fs.statSync(source);
    do {
      fs.writeFileSync(source, 'store: /b.db');
      fs.utimesSync(source, atime, mtime);
    } while (fs.statSync(source).ctimeMs === ctimeMs); // until the clock of the file system has ticked
    expect(readCompiled(source)).toBeUndefined();
    expect(loadConfig(source, {}).store).toBe('/b.db');
    expect(readCompiled(source)?.store).toBe('/b.db');
  });

  it('where another file took the place of the source', () => {
    compile('store: /a.db');
    const { atime, mtime } = fs.statSync(source);
    const other = path.join(folder, 'other.yaml');
    fs.writeFileSync(other, 'store: /b.db');
    fs.utimesSync(other, atime, mtime);
    fs.renameSync(other, source);
    expect(readCompiled(source)).toBeUndefined();
  });

  it('where it was made of a file of another name', () => {
    compile();
    const copy = path.join(folder, 'copy.yaml');
    fs.linkSync(source, copy);
    fs.copyFileSync(compiled, `${copy}.compiled`);
    expect(readCompiled(copy)).toBeUndefined();
  });

  it('where a link leads to another source', () => {
    compile();
    const [link, other] = [path.join(folder, 'link.yaml'), path.join(folder, 'other.yaml')];
    fs.symlinkSync(source, link);
    loadConfig(link, {});
    expect(readCompiled(link)?.store).toBe('/a.db');
    fs.copyFileSync(source, other);
    fs.rmSync(link);
    fs.symlinkSync(other, link);
    expect(readCompiled(link)).toBeUndefined();
  });

  const tampered = (
    what: string,
    tamper: () => void,
    testIt: (title: string, body: () => void) => void = it,
  ): void => {
    testIt(what, () => {
      compile();
      tamper();
      expect(readCompiled(source)).toBeUndefined();
      expect(loadConfig(source, {}).store).toBe('/a.db');
    });
  };
  tampered('where others may write it', () => fs.chmodSync(compiled, 0o666));
  tampered('where its group may write it', () => fs.chmodSync(compiled, 0o660));
  tampered('where it is a link', () => {
    fs.renameSync(compiled, `${compiled}.elsewhere`);
    fs.symlinkSync(`${compiled}.elsewhere`, compiled);
  });
  tampered('where it is no JSON', () => fs.writeFileSync(compiled, 'store: /evil.db'));
  tampered('where it is half written', () => fs.truncateSync(compiled, 100));
  tampered('where it is empty', () => fs.writeFileSync(compiled, ''));
  for (const json of ['null', '[]', '1', '{}', '{"source":null,"config":null}'])
    tampered(`where it holds ${json}`, () => fs.writeFileSync(compiled, `${json}\n`.repeat(2)));
  tampered('where it is far too long', () => fs.appendFileSync(compiled, ' '.repeat(1024 * 1024)));
  tampered('where what it was made of is not the source', () => {
    const text = fs.readFileSync(compiled, 'utf8');
    fs.writeFileSync(compiled, text.replaceAll('"source":"', '"source":"x'));
  });
  it('where any byte of it is damaged', () => {
    compile();
    const bytes = fs.readFileSync(compiled);
    for (let at = 0; at < bytes.length; at += 17) {
      bytes[at]! ^= 1;
      fs.writeFileSync(compiled, bytes);
      expect(readCompiled(source)).toBeUndefined();
      bytes[at]! ^= 1;
    }
  });
  tampered('where it belongs to somebody else', () => fs.chownSync(compiled, 65534, 65534), testAsRoot);
});
