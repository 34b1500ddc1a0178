import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A parsed configuration file. */
export interface YamlFile {
  /** The document as plain values; `{}` without a file, or if it cannot be read. */
  readonly tree: unknown;
  /** Returns `FILE:LINE` of the key; undefined if the file does not set it. The name of an item of a list is its number. */
  sourceOf(path: readonly string[]): string | undefined;
}

/** Loads the parser, which takes time and memory, only for a configuration file. */
function loadParser(): typeof import('yaml') {
  return createRequire(import.meta.url)('yaml') as typeof import('yaml');
}

const noFile: YamlFile = { tree: {}, sourceOf: () => undefined };

/** Reads the file, and adds its errors to `errors`. */
export function readYamlFile(file: string | undefined, errors: string[]): YamlFile {
  if (file === undefined) return noFile;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    errors.push(`cannot read ${file}: ${(error as Error).message}`);
    return noFile;
  }
  const { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument } = loadParser();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  errors.push(...document.errors.map((error) => `${file}: ${error.message}`));
  if (document.errors.length > 0) return noFile;
  return {
    tree: document.toJS() as unknown,
    sourceOf(path) {
      const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
      const name = path.at(-1);
      const key: unknown = isSeq(parent)
        ? parent.items[Number(name)]
        : isMap(parent) && parent.items.map((pair) => pair.key).find((one) => isScalar(one) && String(one.value) === name);
      return isNode(key) && key.range ? `${file}:${lines.linePos(key.range[0]).line}` : undefined;
    },
  };
}
