/** Measures the source text: sizes of files and functions, imports between folders, repeated lines. */
import { dirname } from 'node:path';
import ts from 'typescript';

export interface SourceFile {
  /** Path from the root of the checkout. */
  readonly path: string;
  readonly text: string;
}

export interface FunctionSize {
  readonly path: string;
  readonly name: string;
  /** First line, counted from 1. */
  readonly line: number;
  /** Lines of the function without those of functions inside it. */
  readonly ownLines: number;
}

/** Counts lines of the file, without the empty one behind the last line break. */
export function lineCount({ text }: SourceFile): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** Lists the functions, methods and arrow functions of the file. */
export function functionsOf({ path, text }: SourceFile): readonly FunctionSize[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineAt = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  const found: FunctionSize[] = [];

  /** Adds the functions below `node` and returns the number of lines that they take. */
  function visit(node: ts.Node): number {
    let linesInside = 0;
    ts.forEachChild(node, (child) => {
      linesInside += visit(child);
    });
    if (!isFunction(node) || !node.body) return linesInside;
    const first = lineAt(node.getStart(source));
    const lines = lineAt(node.end) - first + 1;
    found.push({ path, name: nameOf(node), line: first + 1, ownLines: lines - linesInside });
    // A function within one line takes no line away from the function around it.
    return lines === 1 ? linesInside : lines;
  }

  visit(source);
  return found;
}

type FunctionNode =
  ts.FunctionDeclaration | ts.FunctionExpression | ts.ArrowFunction | ts.MethodDeclaration | ts.AccessorDeclaration;

function isFunction(node: ts.Node): node is FunctionNode {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isAccessor(node)
  );
}

function nameOf(node: FunctionNode): string {
  if (node.name) return node.name.getText();
  const { parent } = node;
  const isNamed = ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent);
  return isNamed ? parent.name.getText() : '(anonymous)';
}

/** Returns the value below which `share` (0 to 1) of the numbers lie; 0 for an empty list. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Counts the items by the key that `keyOf` returns, most first. */
export function countBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one);
}

/** The shortest run of lines that counts as repeated. */
const runLines = 6;

/** Counts the pairs of files that share a run of six lines; blank lines, comments, imports and lone punctuation do not count. */
export function repeatedRuns(files: readonly SourceFile[]): number {
  const places = new Map<string, Set<string>>();
  for (const { path, text } of files) {
    const lines = text
      .replaceAll(/^import\b[^;]*;$/gm, '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => /\w/.test(line) && !/^(?:\/\/|\/?\*)/.test(line));
    for (let start = 0; start + runLines <= lines.length; start++) {
      const run = lines.slice(start, start + runLines).join('\n');
      const paths = places.get(run) ?? new Set();
      places.set(run, paths.add(path));
    }
  }
  const pairs = new Set<string>();
  for (const paths of places.values()) if (paths.size > 1) pairs.add([...paths].sort().join(' '));
  return pairs.size;
}

export const folderOf = ({ path }: { readonly path: string }): string => dirname(path);
