import { InvalidInventory } from './manifest.ts';

/** Longer than a row with a key of 1024 bytes, each of them escaped. */
const maxRowLength = 65_536;

/**
 * Yields the rows of CSV text that arrives in pieces: fields with or without quotes, `""` for a quote. Holds one row. Throws
 * `InvalidInventory` for a row that does not end.
 */
export async function* readRows(text: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let rest = '';
  for await (const piece of text) {
    rest += piece;
    let start = 0;
    for (let end = endOfRow(rest, start); end >= 0; end = endOfRow(rest, start)) {
      if (end > start) yield fieldsOf(rest.slice(start, end));
      start = end + 1;
    }
    rest = rest.slice(start);
    if (rest.length > maxRowLength) throw new InvalidInventory('a row of a file does not end');
  }
  if (rest !== '') yield fieldsOf(rest);
}

/** Returns the place of the line break that ends the row; -1 if it is not there yet. A quoted field may have line breaks. */
function endOfRow(text: string, start: number): number {
  let quotes = 0;
  for (let at = start; ; at++) {
    const end = text.indexOf('\n', at);
    if (end < 0) return -1;
    for (let quote = text.indexOf('"', at); quote >= 0 && quote < end; quote = text.indexOf('"', quote + 1)) quotes++;
    if (quotes % 2 === 0) return end;
    at = end;
  }
}

function fieldsOf(row: string): readonly string[] {
  const fields: string[] = [];
  for (const [, quoted, plain = '', end] of row.replace(/\r$/, '').matchAll(/(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/gy)) {
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '') break;
  }
  return fields;
}
