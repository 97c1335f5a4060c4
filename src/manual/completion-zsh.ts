import type { Completable, CompletableOption, ValueKind } from './completion.ts';

/** A script for zsh(1) with its completion system: to be sourced, or as the file _xapplepush in a folder of $fpath. */
export function zshCompletion(commands: readonly Completable[]): string {
  return `#compdef xapplepush
# Completions of xapplepush for zsh; made by: xapplepush completion zsh

_xapplepush_of_users() {
  local -a users=(\${(f)"$(xapplepush devices users -- "$PREFIX" 2>/dev/null)"})
  compadd -a users
}

${commands.map(completer).join('\n')}
if [[ $funcstack[1] == _xapplepush ]]; then
  _xapplepush "$@"
else
  compdef _xapplepush xapplepush
fi
`;
}

/** A function a command: of a group, it goes on with that of the command below. */
function completer(command: Completable): string {
  const { words, commands, options, values } = command;
  const isGroup = commands.length > 0;
  const specs = [
    ...options.map(optionSpec),
    ...values.map((value, index) => quoted(`${index + 1}:argument:${action(value)}`)),
    ...(isGroup ? [quoted('1:command:->command'), quoted('*::argument:->argument')] : []),
  ];
  const call = `  _arguments ${isGroup ? '-C ' : ''}${specs.join(' \\\n    ')}\n`;
  return `${functionOf(words)}() {\n${isGroup ? groupBody(command, call) : call}}\n`;
}

function groupBody({ words, commands }: Completable, call: string): string {
  const described = commands.map(({ name, about }) => quoted(`${name}:${about.replaceAll(':', '\\:')}`));
  const cases = commands.map(({ name }) => `        ${name}) ${functionOf([...words, name])} ;;\n`);
  return `  local curcontext=$curcontext state line
  local -A opt_args
  local -a commands=(
    ${described.join('\n    ')}
  )
${call}  case $state in
    command) _describe -t commands command commands ;;
    argument)
      case $line[1] in
${cases.join('')}      esac
      ;;
  esac
`;
}

function functionOf(words: readonly string[]): string {
  return ['_xapplepush', ...words].join('_').replaceAll('-', '_');
}

/** Names that stand for one option exclude each other. */
function optionSpec({ names, about, repeats, value }: CompletableOption): string {
  const text = `[${about.replace(/[[\]:\\]/g, '\\$&')}]${value === undefined ? '' : `:value:${action(value)}`}`;
  const [first = '', ...others] = names;
  if (others.length === 0) return quoted(`${repeats ? '*' : ''}${first}${text}`);
  return `${quoted(`(${names.join(' ')})`)}{${names.join(',')}}${quoted(text)}`;
}

function action(kind: ValueKind): string {
  if (kind === 'file') return '_files';
  if (kind === 'folder') return '_files -/';
  if (kind === 'user') return '_xapplepush_of_users';
  return kind === 'free' ? ' ' : `(${kind.join(' ')})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
