/**
 * Characters that do something to the text around them instead of being seen: control and escape characters, line and
 * paragraph separators, marks that change its direction, invisible ones, halves of surrogate pairs.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Escapes what must not reach a terminal or page from a client's text, so that no client forges a line. */
export function printable(text: string): string {
  return text.replace(unseen, (character) => short[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
