import type { SHELLS } from './shells.js';
import type { CommandWords } from './words.js';

/** A script that makes the shell complete `backstep`; files are completed where nothing else is known. */
export const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], (commands: readonly CommandWords[]) => string>> = {
  bash: (commands) => `# Completion of backstep for bash. Load it with: source <(backstep completion bash)
_backstep() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=''
  # --format=svg arrives as three words.
  [ "$word" = '=' ] && word=''
  [ "$before" = '=' ] && before="\${COMP_WORDS[COMP_CWORD-2]}"
  [ "\${COMP_WORDS[COMP_CWORD]}" = '=' ] && before="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted(names(commands))} -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]} $before" in
${values(commands, (at, choices) => `    ${quoted(at)}) ${choices === '' ? 'return' : `COMPREPLY=($(compgen -W ${quoted(choices)} -- "$word")); return`} ;;`)}
  esac
  case "\${COMP_WORDS[1]}" in
${commands.map((command) => `    ${command.name}) words=${quoted(wordsFor(command))} ;;`).join('\n')}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *) [ "$COMP_CWORD" -eq 2 ] && COMPREPLY=($(compgen -W "\${words%%--*}" -- "$word")) ;;
  esac
}
complete -o default -F _backstep backstep
`,
  zsh: (commands) => `#compdef backstep
# Completion of backstep for zsh. Load it with: source <(backstep completion zsh)
_backstep() {
  if (( CURRENT == 2 )); then
    local -a commands=(${commands.map(({ name, description }) => quoted(`${name}:${description}`)).join(' ')})
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
${commands.map((command) => `    ${command.name}) _arguments ${zshArguments(command).map(quoted).join(' ')} ;;`).join('\n')}
  esac
}
if [ "$funcstack[1]" = _backstep ]; then _backstep "$@"; else compdef _backstep backstep; fi
`,
  fish: (commands) => `# Completion of backstep for fish. Load it with: backstep completion fish | source
${commands.flatMap(fishLines).join('\n')}
`,
};

function names(commands: readonly CommandWords[]): string {
  return commands.map(({ name }) => name).join(' ');
}

/** The values of the first argument before the options. */
function wordsFor({ choices, options }: CommandWords): string {
  return [...choices, ...options.map(({ flag }) => flag)].join(' ');
}

function values(commands: readonly CommandWords[], line: (at: string, choices: string) => string): string {
  return commands
    .flatMap(({ name, options }) =>
      options.filter(({ takesValue }) => takesValue).map(({ flag, choices }) => line(`${name} ${flag}`, choices.join(' '))),
    )
    .join('\n');
}

function zshArguments({ options, choices }: CommandWords): string[] {
  // Brackets and colons would end the description.
  const told = (text: string) => text.replace(/[[\]:\\]/g, '\\$&');
  const flags = options.map(({ flag, description, takesValue, choices: values }) => {
    if (!takesValue) return `${flag}[${told(description)}]`;
    const following = values.length > 0 ? `(${values.join(' ')})` : '_files';
    return `*${flag}=[${told(description)}]:value:${following}`;
  });
  return [...flags, choices.length > 0 ? `1:what:(${choices.join(' ')})` : '*:argument:_files'];
}

function fishLines({ name, description, options, choices }: CommandWords): string[] {
  const within = `complete -c backstep -n ${fishQuoted(`__fish_seen_subcommand_from ${name}`)}`;
  return [
    `complete -c backstep -n __fish_use_subcommand -f -a ${name} -d ${fishQuoted(description)}`,
    ...(choices.length > 0 ? [`${within} -f -a ${fishQuoted(choices.join(' '))}`] : []),
    ...options.map((option) => {
      const flag = option.flag.startsWith('--') ? `-l ${option.flag.slice(2)}` : `-s ${option.flag.slice(1)}`;
      const value = !option.takesValue ? '' : option.choices.length > 0 ? ` -x -a ${fishQuoted(option.choices.join(' '))}` : ' -r';
      return `${within} ${flag}${value} -d ${fishQuoted(option.description)}`;
    }),
  ];
}

/** A word of bash and zsh, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** In fish's single quotes a backslash escapes itself and the quote. */
function fishQuoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
