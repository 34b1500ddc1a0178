import { printable } from '../../../observability/printable.ts';

/** Text that is valid HTML; only `html` makes it, and `parts/markdown.ts`. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Content = string | number | Html | undefined | readonly Html[];

/**
 * Makes HTML and escapes the inserted texts for elements and quoted attributes. Line breaks and invisible characters in them
 * become visible escapes.
 */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  let text = parts[0] ?? '';
  for (let index = 1; index < parts.length; index++) text += show(contents[index - 1]) + (parts[index] ?? '');
  return new Html(text);
}

function show(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Html) return content.text;
  if (typeof content === 'object') return content.map(({ text }) => text).join('');
  const text = String(content);
  return plain.test(text) ? text : escaped(printable(text));
}

/** Most texts of a view are of such characters: they need no escapes, and finding that out is cheap. */
const plain = /^[ !#-%(-;=?-~]*$/;

/** Returns text for a `pre` element: line breaks and tabs are kept, every other invisible character becomes a visible escape. */
export function preformatted(text: string): Html {
  // The parser of HTML drops the first line break of the element.
  return new Html(`\n${escaped(text.replaceAll('\r\n', '\n').replace(/[^\n\t]+/g, printable))}`);
}

/** Returns text for a `textarea` element as it is: line breaks and invisible characters must survive a change of the rest. */
export function editable(text: string): Html {
  return new Html(escaped(text));
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
