import { type Logger, ROOT_CONTEXT, SeverityNumber, TraceFlags, trace } from '@opentelemetry/api';

/** The fields that every line of the log has, and those of lines that belong to a trace. */
interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly trace_id?: string;
  readonly span_id?: string;
}

const severities: Readonly<Record<string, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};

/** Returns a function that exports a line of the log, which is JSON. Its other fields become attributes. */
export function createLineExporter(logger: Logger): (line: string) => void {
  return (line) => {
    const { level, time, msg, trace_id: traceId, span_id: spanId, ...fields } = JSON.parse(line) as LogLine;
    const isInTrace = traceId !== undefined && spanId !== undefined;
    logger.emit({
      timestamp: new Date(time),
      severityNumber: severities[level] ?? SeverityNumber.UNSPECIFIED,
      severityText: level,
      ...(msg !== undefined && { body: msg }),
      attributes: flat(fields),
      ...(isInTrace && {
        context: trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED }),
      }),
    });
  };
}

/** Values that are not texts, numbers or booleans become JSON: not every receiver takes maps. */
function flat(fields: object): Record<string, string | number | boolean> {
  const entries: [string, unknown][] = Object.entries(fields);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
      return [name, isPlain ? value : JSON.stringify(value)];
    }),
  );
}
