import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  callsHandle,
  delivererArguments,
  type HandleArguments,
  parseHandleArguments,
} from '../../src/cli/handle-arguments.ts';
import { OperatorError } from '../../src/process/errors.ts';

const NOTHING: HandleArguments = { wait: false, config: undefined, class: undefined };

function good(argv: string[], want: Partial<HandleArguments>): void {
  test(JSON.stringify(argv), () => {
    expect(parseHandleArguments(argv)).toEqual({ ...NOTHING, ...want });
  });
}

function bad(argv: string[], why: RegExp): void {
  test(JSON.stringify(argv), () => {
    const parse = (): unknown => parseHandleArguments(argv);
    expect(parse).toThrow(why);
    expect(parse).toThrow(
      expect.objectContaining({ exitCode: 64, hint: expect.any(String) as string }) as Error,
    );
  });
}

describe('arguments that are understood', () => {
  good([], {});
  good(['handle'], {});
  good(['-c', 'EVENT', '-p', '', '-u', '', '-m', '', '-f'], { class: 'EVENT' });
  good(['-c', 'MAIL', '-p', 'urgent', '-u', 'alice', '-m', 'INBOX', '-f', '/tmp/file'], { class: 'MAIL' });
  good(['handle', '-c', '', '-f'], { class: '' });
  good(['-m', '--wait', '-u', '-c'], {});
  good(['--wait'], { wait: true });
  good(['handle', '--config', 'a.yaml', '--wait'], { config: 'a.yaml', wait: true });
  good(['--config=a=b.yaml'], { config: 'a=b.yaml' });
  good(['--config='], { config: '' });
  good(['--config', 'a.yaml', 'handle', '--wait'], { config: 'a.yaml', wait: true });
});

describe('a deliverer, which only the program starts', () => {
  test.each([
    [['deliverer'], { config: undefined }],
    [['deliverer', '--config', 'a.yaml'], { config: 'a.yaml' }],
    [['deliverer', '--config'], undefined],
    [['deliverer', '--config', 'a.yaml', '--wait'], undefined],
    [['deliverer', '--help'], undefined],
    [['--config', 'a.yaml', 'deliverer'], undefined],
    [['flush'], undefined],
    [[], undefined],
  ])('%j', (argv, want) => {
    expect(delivererArguments(argv)).toEqual(want);
  });
});

describe('a subcommand', () => {
  test.each([
    [['targets', 'list'], false],
    [['--config', 'a.yaml', 'targets', 'list'], false],
    [['--config=a.yaml', 'cert', 'show'], false],
    [['--config', 'a.yaml', '--help'], false],
    [['--config', 'a.yaml'], true],
    [['--config', 'a.yaml', '-c', 'EVENT', '-f'], true],
    [['-c', 'EVENT', '-f'], true],
  ])('%j calls handle: %j', (argv, handles) => {
    expect(callsHandle(argv)).toBe(handles);
  });
});

describe('arguments that are not', () => {
  bad(['--what'], /unknown argument "--what"/);
  bad(['handle', 'handle'], /unknown argument "handle"/);
  bad(['-c'], /option -c has no value/);
  bad(['--wait', '--config'], /option --config has no value/);
  bad(['-f', 'file', 'more'], /unknown argument "more"/);
  bad(['--wait=yes'], /unknown argument "--wait=yes"/);
});

test('never anything but arguments or an OperatorError', () => {
  const word = fc.oneof(
    fc.constantFrom('handle', '--wait', '--config', '--config=x', '-c', '-p', '-u', '-m', '-f', ''),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word), (argv) => {
      try {
        expect(Object.keys(parseHandleArguments(argv)).sort()).toEqual(['class', 'config', 'wait']);
      } catch (error) {
        expect(error).toBeInstanceOf(OperatorError);
      }
    }),
  );
});

describe('which command is called', () => {
  test.each([[[]], [['handle']], [['handle', '--wait']], [['-c', 'EVENT']], [['--wait']], [['--what']]])(
    '%j calls handle',
    (argv: string[]) => {
      expect(callsHandle(argv)).toBe(true);
    },
  );
  test.each([
    [['flush']],
    [['handle', '--help']],
    [['-h']],
    [['--version']],
    [['-V']],
    [['targets', 'list']],
    [['']],
  ])('%j does not', (argv: string[]) => {
    expect(callsHandle(argv)).toBe(false);
  });
});
