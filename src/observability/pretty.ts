import type { DestinationStream } from 'pino';

/** A log line for people: time, level, message, then the rest as key=value. */
export function prettyStream(write: (line: string) => void): DestinationStream {
  return { write: (line) => write(`${prettyLine(line)}\n`) };
}

export function prettyLine(line: string): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [clock, String(level).toUpperCase().padEnd(5), ...(typeof msg === 'string' ? [msg] : []), ...fields].join(' ');
}
