import type { Config } from '../../../config/schema.ts';

/** A wrong command line: the message says what to change. Exit code 2, no stack trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A command that could not do its work: the message says why. Exit code 1, no stack trace. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** The arguments, options, configuration and output of one run of a command. */
export interface Invocation {
  /** Values by the option's long name in camel case: `--password-stdin` is `passwordStdin`. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly operands: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Loads the configuration. Throws `ConfigError`. */
  config(): Config;
  /** Loads a second configuration from `file` and from the variables whose names begin with `prefix`. Throws `ConfigError`. */
  otherConfig(file: string, prefix: string): Config;
  /** Resolves to the name of the first SIGTERM or SIGINT. A second one ends the process at once. */
  onSignal(): Promise<string>;
  /**
   * Calls `listener` at each SIGHUP. Not on a terminal: there, SIGHUP ends the process, because the terminal was closed.
   */
  onReload(listener: () => void): void;
  /** True if standard output is a terminal. */
  readonly isTerminal: boolean;
  print(line: string): void;
  /** Writes a line to standard error, apart from the output that scripts read. */
  warn(line: string): void;
  /** Reads standard input to its end. */
  readInput(): Promise<string>;
  /** Writes text without a line break to standard output: progress bars. */
  write(text: string): void;
}

export type Run = (invocation: Invocation) => Promise<void>;

/** The name as the usage shows it (`NAME`, `[PATTERN]`, `[GRANT...]`) and the description. */
export type Argument = readonly [name: string, description: string];

/** The flags as the help shows them (`--admin`, `--expires <DURATION>`, `-o, --output <FILE>`) and the description. */
export type Option = readonly [flags: string, description: string];

/** One command: everything that the help and shell completion show, and how to load the code that runs it. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  /** True if the command prints data, and so takes `--json`. Default: false. */
  readonly printsData?: boolean;
  /**
   * True if the command listens, or checks whether it could: then open access on a public address is an error. Default:
   * false.
   */
  readonly serves?: boolean;
  /** Imports the code of the command; called only when the command runs. */
  load(): Promise<Run>;
}

/** Commands with a common first word: `berth user …`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Command[];
}

/** The commands below one heading of `berth --help`. */
export interface Topic {
  readonly heading: string;
  readonly entries: readonly (Command | CommandGroup)[];
}

export const jsonOption: Option = ['--json', 'print JSON'];

/** Returns the options of a command as the help shows them. */
export function optionsOf({ options = [], printsData = false }: Command): readonly Option[] {
  return printsData ? [...options, jsonOption] : options;
}

/** Returns the long name in the flags of an option: `--output`. */
export function longName(flags: string): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags;
}

export function isGroup(entry: Command | CommandGroup): entry is CommandGroup {
  return 'commands' in entry;
}
