import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from '../../config/load.ts';
import { umaskFor } from '../assembly/private-files.ts';
import { type Command, UsageError } from './command.ts';
import { configCheck } from './config-check.ts';
import { helpOf, overview } from './help.ts';
import { auditCommands } from './audit.ts';
import { grantCommands } from './grant.ts';
import { keyCommands } from './key.ts';
import { namespaceCommands } from './namespace.ts';
import { repoCommands } from './repo.ts';
import { preheatCommand } from './preheat.ts';
import { robotCommands } from './robot.ts';
import { migrate } from './migrate.ts';
import { serve } from './serve.ts';
import { teamCommands } from './team.ts';
import { tokenCommands } from './token.ts';
import { userCommands } from './user.ts';

/** The commands, in the order of the help. */
const commands: readonly Command[] = [
  serve,
  ...userCommands,
  ...namespaceCommands,
  ...robotCommands,
  ...tokenCommands,
  ...teamCommands,
  ...grantCommands,
  ...repoCommands,
  ...keyCommands,
  ...auditCommands,
  preheatCommand,
  migrate,
  configCheck,
];

/** The process that a command runs in: what the command reads and writes of it. */
export interface Host {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** True if standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Writes text to standard output. */
  write(text: string): void;
  /** Writes text to standard error. */
  writeError(text: string): void;
  /** Reads standard input to its end. */
  readInput(): Promise<string>;
  /** Sets the permissions that new files of this process do not get. */
  setUmask(mask: number): void;
  /** Resolves to the name of the first SIGTERM or SIGINT. */
  onSignal(): Promise<string>;
}

/** Runs the command that `words` name, and writes an error as one message. Resolves to the exit code; never rejects. */
export async function runCommandLine(words: readonly string[], host: Host): Promise<number> {
  try {
    await dispatch(words, host);
    return 0;
  } catch (error) {
    host.writeError(`berth: ${explain(error)}\n`);
    return 1;
  }
}

async function dispatch(words: readonly string[], host: Host): Promise<void> {
  const print = (line: string): void => host.write(`${line}\n`);
  if (words.length === 0 || words[0] === '--help' || words[0] === '-h' || (words[0] === 'help' && words.length === 1)) {
    print(overview(commands));
    return;
  }
  if (words[0] === '--version') {
    print(`berth ${version()}`);
    return;
  }
  const asksHelp = words[0] === 'help';
  const { command, rest } = findCommand(asksHelp ? words.slice(1) : words);
  const { values, positionals } = parse(command, rest);
  if (asksHelp || values['help'] === true) {
    print(helpOf(command));
    return;
  }
  const file = typeof values['config'] === 'string' ? values['config'] : host.environment['BERTH_CONFIG'];
  await command.run({
    options: values,
    operands: positionals,
    config() {
      const config = loadConfig({ file, environment: host.environment, serves: command.serves ?? false });
      host.setUmask(umaskFor(config.storage.blobs.directory));
      return config;
    },
    otherConfig: (other, prefix) =>
      loadConfig({ file: other, environment: withoutPrefix(host.environment, prefix), serves: false }),
    onSignal: host.onSignal,
    isTerminal: host.isTerminal,
    print,
    warn: (line) => host.writeError(`${line}\n`),
    readInput: host.readInput,
    write: host.write,
  });
}

function findCommand(words: readonly string[]): { command: Command; rest: readonly string[] } {
  for (const command of commands) {
    const name = command.name.split(' ');
    if (name.every((word, index) => words[index] === word)) return { command, rest: words.slice(name.length) };
  }
  const siblings = commands.filter(({ name }) => name.startsWith(`${words[0]} `)).map(({ name }) => name);
  const hint = siblings.length > 0 ? `there are ${siblings.join(', ')}` : 'see berth --help';
  throw new UsageError(`berth has no command ${words.slice(0, 2).join(' ')}: ${hint}`);
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Returns the variables whose names begin with the prefix, without it. */
function withoutPrefix(environment: Host['environment'], prefix: string): Host['environment'] {
  const found = Object.entries(environment).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

function parse(command: Command, args: readonly string[]) {
  const options = { ...command.options, config: { type: 'string' }, help: { type: 'boolean' } } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${helpOf(command)}`);
  }
}

/** What went wrong, for the person who started berth; a stack trace only for what is our own mistake. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return ['invalid configuration:', ...error.errors.map((line) => `  ${line}`)].join('\n');
  const { code, message, stack } = error as NodeJS.ErrnoException & { code?: unknown };
  if (code === 'EADDRINUSE') return `${message}: another program listens there; set BERTH_LISTEN to another address`;
  if (code === 'EADDRNOTAVAIL') return `${message}: no network interface of this machine has the address in listen`;
  if (code === 'EACCES' && message.startsWith('listen '))
    return `${message}: this user may not open the port in listen; choose one from 1024 on`;
  if (error instanceof UsageError || typeof code === 'string') return message;
  return stack ?? message;
}
