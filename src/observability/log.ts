import { type DestinationStream, type Logger, destination, pino, stdTimeFunctions } from 'pino';
import { prettyStream } from './pretty.ts';

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  readonly format: 'json' | 'pretty';
}

/** What a pipe takes in one piece (PIPE_BUF): workers write to the same one, and no line is torn by another's. */
const pipeBytes = 4096;

/**
 * The log on standard output, one line an event. Lines are gathered for a moment, so that a request does not pay a
 * system call for its line; `flush` writes what is left.
 */
export function createLog({ level, format }: LogOptions): { readonly log: Log; flush(): void } {
  const output = destination({ dest: 1, sync: false, minLength: pipeBytes / 2, maxWrite: pipeBytes, periodicFlush: 200 });
  const stream: DestinationStream = format === 'pretty' ? prettyStream((line) => output.write(line)) : output;
  const log = pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    stream,
  );
  return { log, flush: () => output.flushSync() };
}
