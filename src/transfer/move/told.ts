import type { Config } from '../../config/config.ts';
import { ExitCode } from '../../process/errors.ts';
import { visible } from '../../process/text.ts';
import { table } from '../../terminal/table.ts';
import type { Compared, Count } from './compared.ts';
import type { Moved } from './move.ts';

/** What a person is told at the end, and the exit code: 75 where something is missing that another run may bring. */
export function tellMoved(
  { isOld, compared }: Moved,
  { file = 'the configuration', keyFile }: Pick<Config, 'file'> & { keyFile?: string | undefined },
  to: string,
): { text: string; exitCode: ExitCode } {
  const key = keyFile === undefined ? '' : `let \`webpush.key_file\` name ${visible(keyFile)}; ${KEPT}\n`;
  const next = `let \`store\` in ${visible(file)} name ${visible(to)}, and start xapplepush serve\n${key}`;
  if (isOld || compared === undefined) return { text: `moved already; ${next}`, exitCode: ExitCode.ok };
  const { devices } = compared;
  const isComplete = devices.there === devices.here;
  const lines = [countsOf(compared), ...lacking(compared)];
  if (isComplete) lines.push(`moved; ${next}`);
  return { text: lines.join(''), exitCode: isComplete ? ExitCode.ok : ExitCode.tryAgain };
}

const KEPT = 'apps subscribed by that key, and another store would be given a new one';

const NAMES: readonly (readonly [keyof Compared, string])[] = [
  ['devices', 'devices'],
  ['subscriptions', 'their mailboxes'],
  ['pushes', 'waiting pushes'],
  ['credentials', 'credentials'],
  ['endpoints', 'endpoints'],
  ['notices', 'waiting notices'],
  ['metadata', 'entries of METADATA'],
  ['history', 'entries of the history'],
];

function countsOf(compared: Compared): string {
  return table(
    ['', 'here', 'there'],
    NAMES.flatMap(([key, name]) => {
      const count = compared[key];
      return count === undefined ? [] : [[name, String(count.here), String(count.there)]];
    }),
  );
}

function lacking({ devices, subscriptions, pushes, metadata }: Compared): string[] {
  const lacks = ({ here, there }: Count): boolean => there < here;
  if (lacks(devices))
    return [
      'not moved: devices were removed there meanwhile; run the same command again, and they come again\n',
    ];
  return [
    ...(lacks(subscriptions)
      ? [
          'mailboxes are missing whose names are too long for PostgreSQL, or whose device registered anew there\n',
        ]
      : []),
    ...(lacks(pushes)
      ? ['pushes are missing whose device was removed there, or registered anew, before they came\n']
      : []),
    ...(metadata !== undefined && lacks(metadata)
      ? [
          'entries of METADATA are missing whose names are too long for PostgreSQL, or that were removed there\n',
        ]
      : []),
  ];
}
