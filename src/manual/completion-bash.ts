import type { Completable, ValueKind } from './completion.ts';

/** A script for bash(1) 4 or later; needs nothing of the package bash-completion. */
export function bashCompletion(commands: readonly Completable[]): string {
  return `# Completions of xapplepush for bash; made by: xapplepush completion bash

# Sets kind to what the value of an option is, '' for a flag: file, folder, user, free, or words.
_xapplepush_kind() {
  kind=
  case $1 in
${commands.flatMap(optionKinds).join('\n')}
  esac
}

# Sets what can follow a command: commands and options, and the kinds of its arguments.
_xapplepush_after() {
  commands= options= kinds=()
  case $1 in
${commands.map(after).join('\n')}
  esac
}

${COMPLETER}
complete -F _xapplepush xapplepush
`;
}

/** The words as the script collects them: each with a space in front. */
function pathOf(words: readonly string[]): string {
  return words.map((word) => ` ${word}`).join('');
}

function optionKinds({ words, options }: Completable): string[] {
  return options.flatMap(({ names, value }) => {
    if (value === undefined) return [];
    const patterns = names.map((name) => quoted(`${pathOf(words)} ${name}`)).join(' | ');
    return [`    ${patterns}) kind=${quoted(shown(value))} ;;`];
  });
}

function after({ words, commands, options, values }: Completable): string {
  const names = options.flatMap((option) => option.names.filter((name) => name.startsWith('--')));
  const sets = [
    `commands=${quoted(commands.map(({ name }) => name).join(' '))}`,
    `options=${quoted(names.join(' '))}`,
    `kinds=(${values.map((value) => quoted(shown(value))).join(' ')})`,
  ];
  return `    ${quoted(pathOf(words))}) ${sets.join(' ')} ;;`;
}

function shown(kind: ValueKind): string {
  return typeof kind === 'string' ? kind : kind.join(' ');
}

/** As one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Walks over the words before the cursor: which command they name, and how many of its arguments they hold. */
const COMPLETER = `_xapplepush() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  local path= word kind commands options i place=0 skip=
  local -a kinds
  local IFS=$' \\t\\n'
  # bash splits at the = of --option=value.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == = ]]; then skip=1; continue; fi
    if [[ -n $skip ]]; then skip=; continue; fi
    if [[ $word == -* ]]; then
      _xapplepush_kind "$path $word"
      skip=$kind
      continue
    fi
    _xapplepush_after "$path"
    if [[ " $commands " == *" $word "* ]]; then path="$path $word"; else ((place += 1)); fi
  done
  kind=
  if [[ $prev == -* ]]; then _xapplepush_kind "$path $prev"; fi
  _xapplepush_after "$path"
  if [[ -z $kind && $cur == -* ]]; then
    kind=$options
  elif [[ -z $kind ]]; then
    kind=\${commands:-\${kinds[place]:-free}}
  fi
  case $kind in
    free) ;;
    user) mapfile -t COMPREPLY < <(xapplepush devices users -- "$cur" 2>/dev/null) ;;
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$cur") ;;
  esac
}
`;
