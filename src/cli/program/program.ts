import { Argument as CommanderArgument, Command as CommanderCommand } from 'commander';
import { type Argument, type Command, type CommandGroup, type Topic, UsageError, isGroup, optionsOf } from './command.ts';

/** A command with the values of its command line. */
export interface Selection {
  readonly command: Command;
  readonly options: Readonly<Record<string, unknown>>;
  readonly operands: readonly string[];
}

type Select = (selection: Selection) => void;

/** Fits a terminal of the usual size, and keeps the help the same everywhere. */
const helpWidth = 80;

/** Codes with which commander ends after help or the version: no errors. */
const helpCodes = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version']);

/** Ends the parsing after help or the version was printed. */
class HelpPrinted extends Error {
  override readonly name = 'HelpPrinted';
}

/**
 * Finds the command that `words` name. Returns undefined if help or the version was asked for, and printed with `print`.
 * Throws `UsageError`.
 */
export function parseWords(
  topics: readonly Topic[],
  version: string,
  words: readonly string[],
  print: (text: string) => void,
): Selection | undefined {
  let selection: Selection | undefined;
  const program = createProgram(topics, version, print, (selected) => (selection = selected));
  try {
    program.parse(words[0] === 'help' ? toHelpOption(program, words.slice(1)) : words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof HelpPrinted)) throw error;
  }
  return selection;
}

function createProgram(topics: readonly Topic[], version: string, print: (text: string) => void, select: Select) {
  const program = throwErrors(new CommanderCommand('berth'))
    .usage('COMMAND [options]')
    .version(`berth ${version}`, '-v, --version', 'print the version')
    .option('--config <FILE>', 'configuration file; also BERTH_CONFIG')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .addHelpText('after', '\nHelp for a command: berth COMMAND --help. Configuration: berth config keys.')
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name(), styleTitle: uncapitalizeOptions })
    .configureOutput({
      writeOut: print,
      writeErr: print,
      outputError: () => undefined, // `throwErrors` reports errors
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
    });
  for (const { heading, entries } of topics)
    for (const entry of entries) {
      const added = isGroup(entry) ? addGroup(program, entry, select) : addCommand(program, entry, select);
      added.helpGroup(heading);
    }
  return program;
}

/** Writes `Global options:` as the other headings are written. */
function uncapitalizeOptions(title: string): string {
  return title.replace(' Options:', ' options:');
}

function addGroup(parent: CommanderCommand, group: CommandGroup, select: Select): CommanderCommand {
  const added = throwErrors(parent.command(group.name)).description(group.summary).usage('COMMAND [options]').helpCommand(false);
  for (const command of group.commands) addCommand(added, command, select);
  return added;
}

function addCommand(parent: CommanderCommand, command: Command, select: Select): CommanderCommand {
  const names = (command.arguments ?? []).map(([name]) => name);
  const added = throwErrors(parent.command(command.name))
    .description(command.summary)
    .usage([...names, '[options]'].join(' '));
  for (const argument of command.arguments ?? []) added.addArgument(toCommander(argument));
  for (const [flags, description] of optionsOf(command)) added.option(flags, description);
  return added.action(() => select({ command, options: added.optsWithGlobals(), operands: added.args }));
}

function toCommander([name, description]: Argument): CommanderArgument {
  return new CommanderArgument(name.startsWith('[') ? name : `<${name}>`, description);
}

/** Makes a command throw `HelpPrinted` or `UsageError` where commander would end the process. */
function throwErrors(command: CommanderCommand): CommanderCommand {
  return command.exitOverride(({ code, message }) => {
    if (helpCodes.has(code)) throw new HelpPrinted();
    const text = message.replace(/^error: /, '').replace(/\n\((Did you mean .*\?)\)/, '. $1');
    throw new UsageError(`${text}\nusage: ${command.createHelp().commandUsage(command)}`);
  });
}

/** Returns the words that print the help of the command: `help user add` means `user add --help`. Throws `UsageError`. */
function toHelpOption(program: CommanderCommand, words: readonly string[]): readonly string[] {
  let command = program;
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (!next) throw new UsageError(`unknown command '${words.join(' ')}'\nusage: berth help [COMMAND]`);
    command = next;
  }
  return [...words, '--help'];
}
