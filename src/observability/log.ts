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
  /** True if lines that belong to a trace shall name it. */
  readonly hasTraces?: boolean;
}

/** Bytes that a pipe takes in one piece (PIPE_BUF): with these, lines of several processes never mix. */
const pipeBytes = 4096;
const ownBytes = 64 * 1024;
const maxWaitMilliseconds = 200;

/**
 * Creates the log on standard output, one line for each event. Lines are written together, at the latest after 0.2 s, so
 * that a request does not pay for a system call; `flush` writes the rest.
 */
export function createLog({ level, format, worker, isShared = false, hasTraces = false }: LogOptions): {
  readonly log: Log;
  flush(): void;
} {
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
  return { log: createLogOn(stream, { level, worker, hasTraces }), flush: () => output.flushSync() };
}

/** Creates a log that writes its lines to `stream`. */
export function createLogOn(
  stream: DestinationStream,
  { level, worker, hasTraces = false }: Pick<LogOptions, 'level' | 'worker' | 'hasTraces'>,
): Log {
  const base = worker === undefined ? null : { worker };
  const timestamp = () => `,${timeField()}`;
  const observed: { by?: LogObserver } = {};
  const write = (line: string): void => {
    stream.write(line);
    observed.by?.line?.(line);
  };
  const traceFields = hasTraces ? { mixin: () => observed.by?.traceFields() ?? {} } : {};
  const log = pino({ level, base, timestamp, formatters: { level: (label) => ({ level: label }) }, ...traceFields }, { write });
  const fixedFields = worker === undefined ? '' : `,"worker":${worker}`;
  infoWriters.set(log, (fields) => write(`{"level":"info",${timeField()}${fixedFields},${fields}}\n`));
  observers.set(log, (observer) => (observed.by = observer));
  return log;
}

/** What knows the trace of the work that runs now, and gets the lines of the log. */
export interface LogObserver {
  /** Returns the fields that name the trace in a line. */
  traceFields(): Readonly<Record<string, string>>;
  /** Called with each line, which is JSON. */
  readonly line: ((line: string) => void) | undefined;
}

const observers = new WeakMap<Log, (observer: LogObserver) => void>();

/** Lets `observer` get the lines of the log, if the log was created here. */
export function observeLog(log: Log, observer: LogObserver): void {
  observers.get(log)?.(observer);
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
