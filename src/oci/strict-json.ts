/**
 * JSON for documents that several programs read and must understand alike: what readers are known to differ in is
 * refused. A manifest with the key `layers` twice has two meanings, and its digest protects neither.
 */

export class JsonError extends Error {
  override readonly name = 'JsonError';
}

/** Largest depth of nested arrays and objects. */
const deepest = 32;
/** Largest number of keys: more than 4,096 descriptors with platforms and annotations have. */
const maxKeys = 65_536;
/** Largest number of items in all arrays and objects, plus that of the arrays and objects. */
const maxItems = 131_072;

/**
 * Parses UTF-8 JSON. Throws `JsonError` for anything else, for repeated keys, for nesting deeper than 32, and for more than
 * 65,536 keys or 131,072 items. The bounds are checked first, in one pass over the bytes: to parse a document of many
 * small keys takes a hundred times as long as to count them.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  checkBounds(bytes);
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    throw new JsonError(error instanceof SyntaxError ? `not JSON: ${error.message}` : 'not UTF-8');
  }
  refuseRepeatedKeys(text);
  return value;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openers = new Set([0x5b, 0x7b]);
const closers = new Set([0x5d, 0x7d]);

/** Throws `JsonError` where the document, if it is JSON, exceeds a bound. */
function checkBounds(bytes: Uint8Array): void {
  let depth = 0;
  let keys = 0;
  let items = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) at = endOfString(bytes, at);
    else if (byte === comma) items++;
    else if (byte === colon) keys++;
    else if (openers.has(byte)) {
      depth++;
      items++;
    } else if (closers.has(byte)) depth--;
    else continue;
    if (depth > deepest) throw new JsonError(`nested deeper than ${deepest} levels`);
    if (keys > maxKeys) throw new JsonError(`more than ${maxKeys} keys`);
    if (items > maxItems) throw new JsonError(`more than ${maxItems} items`);
  }
}

/** The position of the quote that ends the string which begins at `start`; the end of the document where there is none. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}

const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gs;

/** `text` is valid JSON: a string followed by a colon is a key. Throws `JsonError`. */
function refuseRepeatedKeys(text: string): void {
  const keysOfOpenObjects: (Set<string> | undefined)[] = [];
  let lastString = '';
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') keysOfOpenObjects.push(token === '{' ? new Set() : undefined);
    else if (token === '}' || token === ']') keysOfOpenObjects.pop();
    else if (token === ':') refuseRepetition(keysOfOpenObjects.at(-1), lastString);
    else lastString = token;
  }
}

function refuseRepetition(keys: Set<string> | undefined, quotedKey: string): void {
  const key = quotedKey.includes('\\') ? (JSON.parse(quotedKey) as string) : quotedKey.slice(1, -1);
  if (keys?.has(key)) throw new JsonError(`key ${JSON.stringify(key.slice(0, 80))} occurs twice`);
  keys?.add(key);
}
