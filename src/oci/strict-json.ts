/**
 * JSON for documents that several programs read and must understand alike: what readers are known to differ in is
 * refused. A manifest with the key `layers` twice has two meanings, and its digest protects neither.
 */

export class JsonError extends Error {
  override readonly name = 'JsonError';
}

const deepest = 32;
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;

/** Parses UTF-8 JSON. Throws `JsonError` for anything else, for repeated keys and for nesting deeper than 32. */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    throw new JsonError(error instanceof SyntaxError ? `not JSON: ${error.message}` : 'not UTF-8');
  }
  refuseAmbiguity(text);
  return value;
}

/** `text` is valid JSON: a string followed by a colon is a key. */
function refuseAmbiguity(text: string): void {
  const keysOfOpenObjects: (Set<string> | undefined)[] = [];
  let lastString = '';
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') {
      keysOfOpenObjects.push(token === '{' ? new Set() : undefined);
      if (keysOfOpenObjects.length > deepest) throw new JsonError(`nested deeper than ${deepest} levels`);
    } else if (token === '}' || token === ']') keysOfOpenObjects.pop();
    else if (token === ':') refuseRepetition(keysOfOpenObjects.at(-1), lastString);
    else if (token !== ',') lastString = token;
  }
}

function refuseRepetition(keys: Set<string> | undefined, quotedKey: string): void {
  const key = JSON.parse(quotedKey) as string;
  if (keys?.has(key)) throw new JsonError(`key ${JSON.stringify(key.slice(0, 80))} occurs twice`);
  keys?.add(key);
}
