import { isoTime } from '../../access/accounts/time.ts';
import { printable } from '../../observability/printable.ts';
import type { Invocation } from './command.ts';

/** A value of a record; null: none. */
export type Value = string | number | boolean | null;

/**
 * Prints records as a table, or as a JSON array with `--json`. `columns` gives the property of each heading. Escapes text from
 * clients, so that it can neither control the terminal nor forge a line.
 */
export function printRecords<Name extends string>(
  invocation: Invocation,
  columns: Readonly<Record<string, Name>>,
  records: readonly Readonly<Record<Name, Value>>[],
): void {
  if (asksForJson(invocation)) return printJson(invocation, records);
  const names = Object.values(columns);
  const rows = records.map((record) => names.map((name) => printable(String(record[name] ?? '-'))));
  for (const line of alignColumns([Object.keys(columns), ...rows])) invocation.print(line);
}

/** Prints `text`, or `record` as JSON with `--json`. */
export function printValue(invocation: Invocation, text: string, record: unknown): void {
  if (asksForJson(invocation)) printJson(invocation, record);
  else invocation.print(text);
}

export function asksForJson({ options }: Invocation): boolean {
  return options['json'] === true;
}

function printJson({ print }: Invocation, data: unknown): void {
  // JSON escapes the line breaks within strings: those that are left are its own indentation.
  print(JSON.stringify(data, null, 2).replace(/[^\n]+/g, escapeInvisible));
}

/** Writes characters that a terminal would obey or hide as `\uXXXX`. */
function escapeInvisible(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    [...Array(character.length).keys()].map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
}

/** Returns the rows as lines with aligned columns. */
export function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Returns the number with its noun, such as `1 image` or `2 images`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** Returns the time in ISO 8601, UTC, in whole seconds; null for null. */
export function time(milliseconds: number | null): string | null {
  return milliseconds === null ? null : `${isoTime(milliseconds).slice(0, 19)}Z`;
}
