import { readFileSync } from 'node:fs';
import { LineCounter, isMap, isScalar, parseDocument } from 'yaml';

/** A configuration file as its operator wrote it. */
export interface YamlFile {
  /** The document as plain values; `{}` where there is no file, or where it cannot be read. */
  readonly tree: unknown;
  /** Returns `FILE:LINE` of the key; undefined for a key that the file does not have. */
  sourceOf(path: readonly string[]): string | undefined;
}

const noFile: YamlFile = { tree: {}, sourceOf: () => undefined };

/** Reads the file, and adds what is wrong with it to `errors`. */
export function readYamlFile(file: string | undefined, errors: string[]): YamlFile {
  if (file === undefined) return noFile;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    errors.push(`cannot read ${file}: ${(error as Error).message}`);
    return noFile;
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  errors.push(...document.errors.map((error) => `${file}: ${error.message}`));
  if (document.errors.length > 0) return noFile;
  return {
    tree: document.toJS() as unknown,
    sourceOf(path) {
      const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
      const name = path.at(-1);
      const key = isMap(parent)
        ? parent.items.map((pair) => pair.key).find((one) => isScalar(one) && String(one.value) === name)
        : undefined;
      return isScalar(key) && key.range ? `${file}:${lines.linePos(key.range[0]).line}` : undefined;
    },
  };
}
