import { ConfigError } from '../../config/config-error.ts';
import { loadConfig } from '../../config/load.ts';
import { umaskFor } from '../assembly/start/private-files.ts';
import { serve, topics } from './commands.ts';
import { CommandError, type Invocation, UsageError } from './program/command.ts';
import type { Selection } from './program/program.ts';
import { readVersion } from './tool/version.ts';

/** The process that a command runs in: its environment, output, input and signals. */
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
  /** Calls `listener` at each SIGHUP. */
  onReload(listener: () => void): void;
}

/** `wrongConfiguration`: EX_CONFIG of sysexits.h. The systemd unit does not start berth again after it, nor after wrong usage. */
const exitCodes = { success: 0, failure: 1, wrongUsage: 2, wrongConfiguration: 78 } as const;

/**
 * Runs the command that `words` name, and writes an error as one message. Resolves to the exit code: 0 for success and help,
 * 2 for a wrong command line, 78 if `serve` finds an invalid configuration, 1 for every other error. Never rejects.
 */
export async function runCommandLine(words: readonly string[], host: Host): Promise<number> {
  let selection: Selection | undefined;
  try {
    selection = await select(words, host);
    if (selection) await runSelected(selection, host);
    return exitCodes.success;
  } catch (error) {
    host.writeError(`berth: ${explain(error)}\n`);
    if (error instanceof UsageError) return exitCodes.wrongUsage;
    const isServer = selection?.command === serve;
    return isServer && error instanceof ConfigError && !error.mayPass ? exitCodes.wrongConfiguration : exitCodes.failure;
  }
}

/**
 * Returns what the parser returns for `berth serve` and `berth serve --config FILE`; undefined for all other words. The parser
 * would take about 1 MiB for as long as the server runs.
 */
export function selectServe(words: readonly string[]): Selection | undefined {
  const [name, option, file = '', ...others] = words;
  if (name !== serve.name || others.length > 0) return undefined;
  if (option === undefined) return { command: serve, options: {}, operands: [] };
  const isFile = option === '--config' && /^[^-]/.test(file);
  return isFile ? { command: serve, options: { config: file }, operands: [] } : undefined;
}

async function select(words: readonly string[], { write }: Host): Promise<Selection | undefined> {
  const direct = selectServe(words);
  if (direct) return direct;
  const { parseWords } = await import('./program/program.ts');
  return parseWords(topics, readVersion(), words.length === 0 ? ['--help'] : words, write);
}

async function runSelected({ command, options, operands }: Selection, host: Host): Promise<void> {
  const run = await command.load();
  await run(createInvocation(options, operands, command.serves ?? false, host));
}

function createInvocation(
  options: Selection['options'],
  operands: Selection['operands'],
  serves: boolean,
  host: Host,
): Invocation {
  const { environment } = host;
  const file = typeof options['config'] === 'string' ? options['config'] : environment['BERTH_CONFIG'];
  return {
    options,
    operands,
    environment,
    config() {
      const config = loadConfig({ file, environment, serves });
      host.setUmask(umaskFor(config.storage.blobs.directory));
      return config;
    },
    otherConfig: (other, prefix) => loadConfig({ file: other, environment: removePrefix(environment, prefix), serves: false }),
    onSignal: host.onSignal,
    onReload: host.onReload,
    isTerminal: host.isTerminal,
    print: (line) => host.write(`${line}\n`),
    warn: (line) => host.writeError(`${line}\n`),
    readInput: host.readInput,
    write: host.write,
  };
}

/** Returns the variables whose names begin with the prefix, without it. */
function removePrefix(environment: Host['environment'], prefix: string): Host['environment'] {
  const found = Object.entries(environment).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** Returns the message of an error for the operator, with a stack trace only for errors in berth itself. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return ['invalid configuration:', ...error.errors.map((line) => `  ${line}`)].join('\n');
  const { code, message, stack } = error as NodeJS.ErrnoException & { code?: unknown };
  if (code === 'EADDRINUSE') return `${message}: another program listens there; set BERTH_LISTEN to another address`;
  if (code === 'EADDRNOTAVAIL') return `${message}: no network interface of this machine has the address in listen`;
  if (code === 'EACCES' && message.startsWith('listen '))
    return `${message}: this user may not open the port in listen; choose one from 1024 on`;
  if (error instanceof UsageError || error instanceof CommandError || typeof code === 'string') return message;
  return stack ?? message;
}
