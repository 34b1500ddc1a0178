import { type DestinationStream, type Logger, destination, pino } from 'pino';
import { createLineBuffer } from './line-buffer.ts';
import { prettyStream } from './pretty.ts';

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  /** The number of this process, in every line, if several processes write to the same output. */
  readonly worker?: number | undefined;
  /** True if several processes write to the same output. */
  readonly isShared?: boolean;
}

/** Bytes that a pipe takes in one piece (PIPE_BUF): with these, lines of several processes never mix. */
const pipeBytes = 4096;
const ownBytes = 64 * 1024;
const maxWaitMilliseconds = 200;

/**
 * Creates the log on standard output, one line for each event. Lines are written together, at the latest after 0.2 s, so
 * that a request does not pay for a system call; `flush` writes the rest.
 */
export function createLog({ level, format, worker, isShared = false }: LogOptions): { readonly log: Log; flush(): void } {
  const maxBytes = isShared ? pipeBytes : ownBytes;
  const output = destination({ dest: 1, sync: false, contentMode: 'buffer', maxWrite: maxBytes });
  // The types of pino do not know that `contentMode` makes `write` take buffers.
  const lines = createLineBuffer((bytes) => void output.write(bytes as never), { maxBytes, maxWaitMilliseconds });
  const writeOutput = output.flushSync.bind(output);
  // pino calls it also when the process exits.
  output.flushSync = () => {
    lines.flush();
    writeOutput();
  };
  const stream = format === 'pretty' ? prettyStream(lines.add) : { write: lines.add };
  return { log: createLogOn(stream, { level, worker }), flush: () => output.flushSync() };
}

/** Creates a log that writes its lines to `stream`. */
export function createLogOn(stream: DestinationStream, { level, worker }: Pick<LogOptions, 'level' | 'worker'>): Log {
  const base = worker === undefined ? null : { worker };
  const timestamp = () => `,${timeField()}`;
  const log = pino({ level, base, timestamp, formatters: { level: (label) => ({ level: label }) } }, stream);
  const fixedFields = worker === undefined ? '' : `,"worker":${worker}`;
  infoWriters.set(log, (fields) => stream.write(`{"level":"info",${timeField()}${fixedFields},${fields}}\n`));
  return log;
}

type FieldsWriter = (fields: string) => void;

const infoWriters = new WeakMap<Log, FieldsWriter>();

/**
 * Returns a function that writes a line of level `info` at less cost than `log.info`: its argument has the fields and the
 * message as JSON, without the braces. Undefined if the log does not write this level or was not created here.
 */
export function infoWriter(log: object): FieldsWriter | undefined {
  const write = infoWriters.get(log as Log);
  // The level can change while berth runs.
  return write && (log as Log).isLevelEnabled('info') ? write : undefined;
}

let latestTime = 0;
let latestField = '';

/** Returns the time as pino writes it. Several lines of one millisecond share the text. */
function timeField(): string {
  const now = Date.now();
  if (now !== latestTime) {
    latestTime = now;
    latestField = `"time":"${new Date(now).toISOString()}"`;
  }
  return latestField;
}
