import { Header } from 'tar/header';
import { Pax } from 'tar/pax';
import { type BlockReader, createBlockReader } from './block-reader.ts';
import { blockBytes, paddingOf } from './header.ts';

/** An entry of a tar archive. */
export interface TarEntry {
  /** As the archive has it. */
  readonly name: string;
  /** Other types, such as devices, keep the name that the tar package gives them. */
  readonly type: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | (string & {});
  /** '' for everything but links. */
  readonly linkName: string;
  readonly sizeBytes: number;
  /** The content. What is not read before the next entry is dropped. Throws `TarError` if the archive ends within it. */
  readonly data: AsyncIterable<Buffer>;
}

/** A file that is not a tar archive, or a damaged one. */
export class TarError extends Error {
  override readonly name = 'TarError';
}

type Extension = 'pax' | 'global' | 'path' | 'linkpath';

/** Entries that describe others (POSIX pax, GNU tar). */
const extensions: Readonly<Record<string, Extension>> = {
  ExtendedHeader: 'pax',
  OldExtendedHeader: 'pax',
  GlobalExtendedHeader: 'global',
  NextFileHasLongPath: 'path',
  OldGnuLongPath: 'path',
  NextFileHasLongLinkpath: 'linkpath',
};

const fileTypes = new Set(['File', 'OldFile', 'ContiguousFile']);

/** Matches a field of sparse files (GNU tar manual, D.2: formats 0.0 to 1.0), which have fewer bytes stored than they contain. */
const sparseField = /^\d+ GNU\.sparse\./m;

/** A path of 4 KiB and the other fields of an extended header need much less. */
const maxExtensionBytes = 64 * 1024;

/**
 * Yields the entries of a tar archive, one at a time, in constant memory. Reads the stream to its end, also what follows the end
 * of the archive. Throws `TarError`, also for names with a NUL character, which programs understand differently.
 */
export async function* readEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = createBlockReader(source);
  try {
    yield* entriesIn(reader);
    await reader.drain();
  } finally {
    await reader.close();
  }
}

async function* entriesIn(reader: BlockReader): AsyncGenerator<TarEntry> {
  let pax: Pax | undefined;
  let global: Pax | undefined;
  for (let last = 'the beginning of the archive'; ;) {
    const block = await reader.take(blockBytes);
    if (block.length < blockBytes) throw new TarError(`the archive ends after ${last}, and has no end mark`);
    const header = readHeader(block, pax, global, last);
    if (!header) return;
    // The package drops negative sizes, and passes on texts of extended headers.
    const size = header.size ?? (fileTypes.has(header.type) ? NaN : 0);
    if (!Number.isSafeInteger(size)) throw new TarError(`the size of the entry after ${last} is not a number of bytes`);
    const extension = extensions[header.type];
    if (extension) {
      const text = await readExtension(reader, size, last);
      if (sparseField.test(text)) throw new TarError(`the entry after ${last} is a sparse file of GNU tar, which is not read`);
      if (extension === 'global') global = Pax.parse(text, global, true);
      else pax = extension === 'pax' ? Pax.parse(text, pax) : Object.assign(pax ?? new Pax({}), { [extension]: text });
      continue;
    }
    pax = undefined;
    const { path = '', linkpath = '', type } = header;
    const content = contentOf(reader, path, size);
    yield { name: path, type: fileTypes.has(type) ? 'File' : type, linkName: linkpath, sizeBytes: size, data: content.data };
    await content.skip();
    last = `entry ${JSON.stringify(path.slice(0, 200))}`;
  }
}

/** Returns the content of an entry, and a function that reads what is left of it. */
function contentOf(reader: BlockReader, path: string, size: number) {
  let left = size;
  async function* read(): AsyncGenerator<Buffer> {
    for await (const piece of reader.pass(left)) {
      left -= piece.length;
      yield piece;
    }
    if (left > 0) throw truncated(path, size, left);
  }
  const data = read();
  return {
    data,
    async skip(): Promise<void> {
      await data.return(undefined);
      const unread = read();
      while ((await unread.next()).done !== true);
      await reader.take(paddingOf(size));
    },
  };
}

/** Returns the header in the block; undefined for the end mark. Throws `TarError`. */
function readHeader(block: Buffer, pax: Pax | undefined, global: Pax | undefined, last: string): Header | undefined {
  const header = new Header(block, 0, pax, global);
  if (header.nullBlock) return undefined;
  if (!header.cksumValid) throw new TarError(`no header of an entry after ${last}: its checksum is wrong`);
  return header;
}

async function readExtension({ take }: BlockReader, size: number, last: string): Promise<string> {
  if (size > maxExtensionBytes)
    throw new TarError(`the extended header after ${last} has ${size} bytes: at most ${maxExtensionBytes} are allowed`);
  const bytes = await take(size);
  if (bytes.length < size) throw truncated('an extended header', size, size - bytes.length);
  await take(paddingOf(size));
  // GNU tar ends its long names with a NUL.
  const text = bytes.toString().replace(/\0$/, '');
  if (text.includes('\0')) throw new TarError(`a name after ${last} contains a NUL character`);
  return text;
}

function truncated(what: string, size: number, left: number): TarError {
  return new TarError(
    `the archive ends within ${JSON.stringify(what.slice(0, 200))}: expected ${size} bytes, found ${size - left}`,
  );
}
