import type { DestinationStream } from 'pino';
import { printable } from './printable.ts';

/** Formats a log line for people: time, level, message, then the rest as key=value. */
export function prettyStream(write: (line: string) => void): DestinationStream {
  return { write: (line) => write(`${prettyLine(line)}\n`) };
}

/** Always one line, and no field within another: values come from clients. */
export function prettyLine(line: string): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${valueOf(value)}`);
  return printable(
    [clock, String(level).toUpperCase().padEnd(5), ...(typeof msg === 'string' ? [msg] : []), ...fields].join(' '),
  );
}

/** Text with a space or quote is quoted. */
function valueOf(value: unknown): string {
  return typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}
