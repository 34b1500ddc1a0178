/** The manifest of an S3 Inventory (docs.aws.amazon.com, "Locating your inventory list"), as far as berth needs it. */
export interface InventoryManifest {
  readonly sourceBucket: string;
  /** Names of the columns, in their order. */
  readonly columns: readonly string[];
  readonly files: readonly InventoryFile[];
}

/** A part of the inventory: lines of CSV, compressed. */
export interface InventoryFile {
  /** Key in the bucket that the inventory was written into. */
  readonly key: string;
  /** MD5 of the compressed bytes, in hexadecimal. */
  readonly md5: string;
}

/** The inventory cannot be used; the message says why. */
export class InvalidInventory extends Error {
  override readonly name = 'InvalidInventory';
}

/** Columns without which a row names no object. */
const requiredColumns = ['Bucket', 'Key'];

/** Parses `manifest.json`. Throws `InvalidInventory`. */
export function parseInventoryManifest(text: string): InventoryManifest {
  const document = parse(text);
  const { sourceBucket, fileFormat, fileSchema, files } = document;
  if (typeof sourceBucket !== 'string' || typeof fileFormat !== 'string' || typeof fileSchema !== 'string')
    throw new InvalidInventory('it is not the manifest.json of an S3 Inventory');
  if (fileFormat !== 'CSV') throw new InvalidInventory(`its format is ${fileFormat.slice(0, 20)}: configure an inventory in CSV`);
  const columns = fileSchema.split(',').map((column) => column.trim());
  const missing = requiredColumns.find((column) => !columns.includes(column));
  if (missing !== undefined) throw new InvalidInventory(`its schema has no column ${missing}`);
  if (!Array.isArray(files)) throw new InvalidInventory('it lists no files');
  return { sourceBucket, columns, files: files.map(toFile) };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const document: unknown = JSON.parse(text);
    if (typeof document === 'object' && document !== null) return document as Readonly<Record<string, unknown>>;
  } catch {
    // The message below says it.
  }
  throw new InvalidInventory('it is not a JSON object');
}

function toFile(file: unknown): InventoryFile {
  const { key, MD5checksum: md5 } = (file ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof key !== 'string' || typeof md5 !== 'string' || !/^[0-9a-f]{32}$/i.test(md5))
    throw new InvalidInventory('it has a file without a key or an MD5 checksum');
  return { key, md5: md5.toLowerCase() };
}
