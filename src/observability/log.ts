import { type DestinationStream, type Logger, destination, pino, stdTimeFunctions } from 'pino';
import { prettyStream } from './pretty.ts';

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  /** True if several processes write to the same output. */
  readonly isShared?: boolean;
}

/** Bytes that a pipe takes in one piece (PIPE_BUF): with these, lines of several processes never mix. */
const pipeBytes = 4096;
const ownBytes = 64 * 1024;

/**
 * Creates the log on standard output, one line for each event. Lines are written together, at the latest after 0.2 s, so
 * that a request does not pay for a system call; `flush` writes the rest.
 */
export function createLog({ level, format, isShared = false }: LogOptions): { readonly log: Log; flush(): void } {
  const maxWrite = isShared ? pipeBytes : ownBytes;
  const output = destination({ dest: 1, sync: false, minLength: maxWrite / 2, maxWrite, periodicFlush: 200 });
  const stream: DestinationStream = format === 'pretty' ? prettyStream((line) => output.write(line)) : output;
  const log = pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    stream,
  );
  return { log, flush: () => output.flushSync() };
}
