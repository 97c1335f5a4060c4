import type { Completable, CompletableOption, ValueKind } from './completion.ts';

/** A script for fish(1) 3 or later. */
export function fishCompletion(commands: readonly Completable[]): string {
  const withValue = commands.flatMap(({ words, options }) =>
    options
      .filter(({ value }) => value !== undefined)
      .flatMap(({ names }) => names.map((name) => quoted([...words, name].join(' ')))),
  );
  const paths = commands.map(({ words }) => quoted(words.join(' '))).filter((path) => path !== "''");
  return `# Completions of xapplepush for fish; made by: xapplepush completion fish

set -g __xapplepush_commands ${paths.join(' ')}
set -g __xapplepush_with_value ${withValue.join(' ')}

${PLACE}
complete -c xapplepush -f
${commands.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ words, commands, options, values }: Completable): string[] {
  const path = words.join(' ');
  const inside = `-n ${quoted(`__xapplepush_in ${quoted(path)}`)}`;
  return [
    ...commands.map(({ name, about }) => `complete -c xapplepush ${inside} -a ${name} -d ${quoted(about)}`),
    ...options.map((option) => `complete -c xapplepush ${inside} ${optionWords(option)}`),
    ...values.flatMap((value, place) => {
      const at = `-n ${quoted(`__xapplepush_at ${quoted(path)} ${place}`)}`;
      return value === 'free' ? [] : [`complete -c xapplepush ${at} ${valueWords(value)}`];
    }),
  ];
}

function optionWords({ names, about, value }: CompletableOption): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const takes = value === undefined ? [] : [value === 'free' ? '-x' : `-r ${valueWords(value)}`];
  return [...flags, ...takes, `-d ${quoted(about)}`].join(' ');
}

function valueWords(kind: ValueKind): string {
  if (kind === 'folder') return `-f -a '(__fish_complete_directories)'`;
  if (kind === 'user') return `-f -a '(xapplepush devices users -- (commandline -ct) 2>/dev/null)'`;
  return typeof kind === 'string' ? '-F' : `-f -a ${quoted(kind.join(' '))}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

const PLACE = `# The command that the words so far name, and how many arguments it has.
function __xapplepush_place
    set -l words (commandline -opc)
    set -e words[1]
    set -l path
    set -l place 0
    set -l skip no
    for word in $words
        if test $skip = yes
            set skip no
            continue
        end
        switch "$path $word"
            case '* -*'
                contains -- (string trim -- "$path $word") $__xapplepush_with_value
                and set skip yes
            case '*'
                if contains -- (string trim -- "$path $word") $__xapplepush_commands
                    set path (string trim -- "$path $word")
                else
                    set place (math $place + 1)
                end
        end
    end
    echo $path
    echo $place
end

function __xapplepush_in
    set -l place (__xapplepush_place)
    test "$place[1]" = "$argv[1]"
end

function __xapplepush_at
    set -l place (__xapplepush_place)
    test "$place[1] $place[2]" = "$argv[1] $argv[2]"
end
`;
