import {
  type Command,
  type CommandGroup,
  type Run,
  type Topic,
  UsageError,
  isGroup,
  longName,
  optionsOf,
} from '../program/command.ts';

/** The words that may follow some words of a command line. */
interface Step {
  /** The words before, such as `user`; '' at the start. */
  readonly after: string;
  readonly words: readonly (readonly [word: string, description: string])[];
}

type Shell = (steps: readonly Step[], optionsWithValue: readonly string[]) => string;

const shells: Readonly<Record<string, Shell>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Makes `berth completion`, which prints a script that completes the commands of `topics`. */
export function createCompletion(topics: readonly Topic[]): Run {
  return ({ operands: [name = ''], write }) => {
    const shell = Object.hasOwn(shells, name) ? shells[name] : undefined;
    if (!shell) throw new UsageError(`no completion for ${name}: choose ${Object.keys(shells).join(', ')}`);
    const entries = topics.flatMap((topic) => topic.entries);
    write(shell(collectSteps(entries), collectOptionsWithValue(entries)));
    return Promise.resolve();
  };
}

type Entries = readonly (Command | CommandGroup)[];

function collectSteps(entries: Entries): readonly Step[] {
  return [
    { after: '', words: [...entries.map(({ name, summary }) => [name, summary] as const), ['help', 'print help'], ...globals] },
    ...entries.flatMap((entry) => {
      if (!isGroup(entry)) return [optionStep(entry.name, entry)];
      const words = entry.commands.map(({ name, summary }) => [name, summary] as const);
      return [{ after: entry.name, words }, ...entry.commands.map((one) => optionStep(`${entry.name} ${one.name}`, one))];
    }),
  ];
}

const globals = [
  ['--config', 'configuration file'],
  ['--help', 'print help'],
  ['--version', 'print the version'],
] as const;

function optionStep(after: string, command: Command): Step {
  const options = optionsOf(command).map(([flags, description]) => [longName(flags), description] as const);
  const shellNames =
    command.name === 'completion' ? Object.keys(shells).map((name) => [name, `script for ${name}`] as const) : [];
  return { after, words: [...shellNames, ...options, ...globals.slice(0, 2)] };
}

/** Returns the options that take the next word as their value: it is no command. */
function collectOptionsWithValue(entries: Entries): readonly string[] {
  const commands = entries.flatMap((entry) => (isGroup(entry) ? entry.commands : [entry]));
  const flags = commands.flatMap((command) => optionsOf(command).map(([written]) => written));
  const withValue = flags.filter((written) => written.includes('<')).map(longName);
  return [...new Set(['--config', ...withValue])];
}

/** Shell code that puts the first two words that are neither options nor values of options into `$line`. */
function readLine(optionsWithValue: readonly string[], words: string): string {
  return `  local line='' count=0 skip='' word
  for word in ${words}; do
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
      ${optionsWithValue.join('|')}) skip=1 ;;
      -*) ;;
      *) (( ++count <= 2 )) && line+="\${line:+ }$word" ;;
    esac
  done
  [[ -n $skip ]] && { _berth_files; return; }`;
}

/** A case for each step. A command that takes arguments is followed by words of its own: only its own name decides. */
function cases(steps: readonly Step[], write: (step: Step) => string): string {
  const branches = steps.map((step) => {
    const isLeaf = step.words.some(([word]) => word.startsWith('-')) && step.after !== '';
    return `    '${step.after}'${isLeaf ? `|'${step.after} '*` : ''}) ${write(step)} ;;`;
  });
  return ['  case $line in', ...branches, '    *) _berth_files ;;', '  esac'].join('\n');
}

function bashScript(steps: readonly Step[], optionsWithValue: readonly string[]): string {
  const offer = ({ words }: Step) => `COMPREPLY=($(compgen -W '${words.map(([word]) => word).join(' ')}' -- "$current"))`;
  return `# bash completion for berth: source <(berth completion bash)
_berth_files() { compopt -o default; COMPREPLY=(); }
_berth() {
  local current=\${COMP_WORDS[COMP_CWORD]}
${readLine(optionsWithValue, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
${cases(steps, offer)}
}
complete -F _berth berth
`;
}

function zshScript(steps: readonly Step[], optionsWithValue: readonly string[]): string {
  const offer = ({ words }: Step) => {
    const described = words.map(([word, description]) => quote(`${word}:${description.replaceAll(':', '\\:')}`));
    return `choices=(${described.join(' ')}); _describe 'berth' choices`;
  };
  return `#compdef berth
# zsh completion for berth: source <(berth completion zsh)
_berth_files() { _files; }
_berth() {
  local -a choices
${readLine(optionsWithValue, '"${(@)words[2,CURRENT-1]}"')}
${cases(steps, offer)}
}
compdef _berth berth
`;
}

function fishScript(steps: readonly Step[], optionsWithValue: readonly string[]): string {
  const offers = steps.flatMap(({ after, words }) =>
    words.map(([word, description]) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}${optionsWithValue.includes(word) ? ' -r' : ''}` : `-f -a ${word}`;
      return `complete -c berth -n ${quote(`__berth_after ${quote(after)}`)} ${what} -d ${quote(description)}`;
    }),
  );
  return `# fish completion for berth: berth completion fish | source
function __berth_after
  set -l words (string match -v -- '-*' (commandline -opc)[2..-1])[1..2]
  test (string join ' ' $words) = "$argv[1]"
end
${offers.join('\n')}
`;
}

/** Quotes text for a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
