import type { ParseArgsOptionsConfig } from 'node:util';
import type { Config } from '../../config/schema.ts';

/** A mistake of the person at the keyboard: the message says what to do. No stack trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a command gets to work with. */
export interface Invocation {
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly operands: readonly string[];
  /** Loads the configuration. Throws `ConfigError`. */
  config(): Config;
  /** Another one: of the file, and of the variables whose names begin with the prefix and go on as usual. */
  otherConfig(file: string, prefix: string): Config;
  /** Resolves at the first SIGTERM or SIGINT. A second one ends the process at once. */
  onSignal(): Promise<string>;
  readonly isTerminal: boolean;
  print(line: string): void;
  /** Writes a line to standard error: scripts that read the output do not get it. */
  warn(line: string): void;
  /** Everything on standard input. */
  readInput(): Promise<string>;
  /** Text as it is, for what is written over. */
  write(text: string): void;
}

export interface Command {
  /** One or two words: `serve`, `config check`. */
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly options: ParseArgsOptionsConfig;
  /** True if it listens, or judges whether it could: only then does it matter who may reach the server. Default: false. */
  readonly serves?: boolean;
  run(invocation: Invocation): Promise<void>;
}
