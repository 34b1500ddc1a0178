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
export function html(template: TemplateStringsArray, ...contents: readonly Content[]): Html {
  const parts = partsOf(template);
  let text = parts[0] ?? '';
  for (let index = 1; index < parts.length; index++) text += show(contents[index - 1]) + (parts[index] ?? '');
  return new Html(text);
}

/** The parts of templates as they are sent: without the indents of the source. */
const compactParts = new WeakMap<TemplateStringsArray, readonly string[]>();

function partsOf(template: TemplateStringsArray): readonly string[] {
  let parts = compactParts.get(template);
  if (!parts) {
    parts = template.map((part) => referenced(part.replace(/\s*\n\s*/g, '\n')));
    compactParts.set(template, parts);
  }
  return parts;
}

function show(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Html) return content.text;
  if (typeof content === 'number') return String(content);
  if (typeof content === 'object') return content.map(({ text }) => text).join('');
  return plain.test(content) ? content : referenced(escaped(printable(content)));
}

/**
 * Writes dashes, arrows and other symbols as character references. One of them in a page of Latin letters would double its
 * memory, and make its encoding as UTF-8 take four times as long.
 */
function referenced(text: string): string {
  return text.replace(/[\u2000-\u2bff]/g, (character) => `&#${character.charCodeAt(0)};`);
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
