import { describe, expect, test } from 'vitest';
import { type Doveconf, parseDoveconf } from '../../../src/check/dovecot/doveconf-output.ts';
import { judgeMetadata } from '../../../src/check/dovecot/metadata.ts';
import type { Point } from '../../../src/check/point.ts';
import type { Config } from '../../../src/config/config.ts';

/** As doveconf -n of 2.3.19.1 and 2.4.1 prints what docs/metadata.md says. */
const OUTPUTS = {
  '2.3': `# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf
imap_capability = +XDELTAPUSH
mail_attribute_dict = proxy:/run/xapplepush/dict.sock:metadata
protocol imap {
  imap_metadata = yes
}
`,
  '2.4': `# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf
imap_capability {
  XDELTAPUSH = yes
}
mail_attribute {
  dict proxy {
    name = metadata
    socket_path = /run/xapplepush/dict.sock
  }
}
protocol imap {
  imap_metadata = yes
}
`,
} as const;

function judged(output: string, dict: string | undefined = '/run/xapplepush/dict.sock'): Point[] {
  const config = { serve: { dict }, deltachat: { enabled: true } } as unknown as Config;
  return judgeMetadata(parseDoveconf(output) as Doveconf, config);
}

describe.each(['2.3', '2.4'] as const)('with Dovecot %s METADATA', (version) => {
  const output = OUTPUTS[version];

  test('that is kept with serve is well', () => {
    expect(judged(output)).toEqual([
      {
        ...{ point: 'METADATA', state: 'ok', fix: null },
        text: 'Dovecot keeps it with serve, at /run/xapplepush/dict.sock',
      },
    ]);
  });

  test.each([
    ['another socket', /xapplepush\/dict/, 'other/dict', 'Dovecot keeps METADATA at /run/other/dict.sock'],
    ['no socket', /^mail_attribute[^]*?(?=protocol)/m, '', 'Dovecot keeps METADATA elsewhere or not'],
    ['a client that is not offered it', /imap_metadata = yes/, '', 'Dovecot offers it to no client'],
    ['Delta Chat not told', /.*XDELTAPUSH.*/, '', 'CAPABILITY has no XDELTAPUSH'],
  ])('with %s is a problem', (_what, from, to, text) => {
    const [point, ...others] = judged(output.replace(from, to));
    expect(point).toMatchObject({ state: 'problem', text: expect.stringContaining(text) as string });
    expect(point?.fix).not.toBeNull();
    expect(others).toEqual([]);
  });
});

test('is not looked at where serve.dict is not set', () => {
  expect(
    judgeMetadata(parseDoveconf(OUTPUTS['2.3']) as Doveconf, { serve: {} } as unknown as Config),
  ).toEqual([]);
});
