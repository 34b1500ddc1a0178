import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { readRows } from './csv.ts';
import { type InventoryFile, InvalidInventory } from './manifest.ts';

/** An object as the inventory states it. */
export interface InventoryEntry {
  /** Key without the prefix of the store. */
  readonly path: string;
  /** Undefined if the inventory has no such column. */
  readonly sizeBytes: number | undefined;
  /** Milliseconds since 1970. Undefined if the inventory has no such column. */
  readonly modifiedAt: number | undefined;
}

/** Which objects of the inventory are wanted. */
export interface EntrySelection {
  readonly columns: readonly string[];
  readonly bucket: string;
  /** Prefix of the store in the bucket. */
  readonly prefix: string;
  /** The entries that are wanted begin with it, after the prefix of the store. */
  readonly below: string;
}

/**
 * Passes the wanted entries of one compressed file to `onEntry`, as they come. Rejects with `InvalidInventory` if a row is
 * damaged, or, at the end, if the checksum differs: then nothing of it counts.
 */
export async function readInventoryFile(
  bytes: AsyncIterable<Uint8Array>,
  { key, md5 }: InventoryFile,
  selection: EntrySelection,
  onEntry: (entry: InventoryEntry) => void,
): Promise<void> {
  const hash = createHash('md5');
  const hashing = async function* (pieces: AsyncIterable<Uint8Array>) {
    for await (const piece of pieces) {
      hash.update(piece);
      // The reader may use its buffer again before zlib is done with it.
      yield Buffer.from(piece);
    }
  };
  const unpacked = createGunzip();
  const read = async (text: AsyncIterable<string>) => {
    for await (const row of readRows(text)) {
      const entry = toEntry(row, selection);
      if (entry) onEntry(entry);
    }
  };
  try {
    await pipeline(bytes, hashing, unpacked, (pieces: AsyncIterable<Buffer>) => read(decoded(pieces)));
  } catch (error) {
    if (error instanceof InvalidInventory) throw new InvalidInventory(`${key}: ${error.message}`);
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_'))
      throw new InvalidInventory(`${key} is damaged`, { cause: error });
    throw error;
  }
  if (hash.digest('hex') !== md5) throw new InvalidInventory(`${key} does not have the checksum of the manifest`);
}

async function* decoded(pieces: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const piece of pieces) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}

/** Returns the entry of a row; undefined for objects elsewhere, former versions and delete markers. */
function toEntry(row: readonly string[], { columns, bucket, prefix, below }: EntrySelection): InventoryEntry | undefined {
  const field = (name: string) => (columns.includes(name) ? row[columns.indexOf(name)] : undefined);
  const written = field('Key');
  if (row.length !== columns.length || written === undefined) throw new InvalidInventory('a row does not have all columns');
  if (field('Bucket') !== bucket || field('IsLatest') === 'false' || field('IsDeleteMarker') === 'true') return undefined;
  const key = decodeKey(written);
  if (!key.startsWith(prefix + below)) return undefined;
  return { path: key.slice(prefix.length), sizeBytes: toSize(field('Size')), modifiedAt: toTime(field('LastModifiedDate')) };
}

/** Keys are URL-encoded; a space may be a plus. */
function decodeKey(written: string): string {
  try {
    return decodeURIComponent(written.replaceAll('+', ' '));
  } catch {
    throw new InvalidInventory('a row has a key that is not URL-encoded');
  }
}

function toSize(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new InvalidInventory('a row has a size that is not a number');
  return Number(text);
}

function toTime(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new InvalidInventory('a row has an invalid modification time');
  return time;
}
