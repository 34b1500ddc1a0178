/** An entry of an archive: a file with its content, or another type with its target. */
export type TarEntry =
  | Uint8Array
  | string
  | { readonly type: 'directory'; readonly mode?: number }
  | { readonly type: 'symlink' | 'hardlink'; readonly link: string };

/** A tar archive (ustar): enough for a layer. Entries are in the order of the record. */
export function tar(entries: Readonly<Record<string, TarEntry>>): Buffer {
  const blocks: Buffer[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    const isFile = typeof entry === 'string' || entry instanceof Uint8Array;
    const bytes = isFile ? Buffer.from(entry) : Buffer.alloc(0);
    blocks.push(
      header(name, bytes.length, isFile ? {} : fieldsOf(entry)),
      bytes,
      Buffer.alloc((512 - (bytes.length % 512)) % 512),
    );
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const typeFlags = { hardlink: '1', symlink: '2', directory: '5' } as const;

function fieldsOf(entry: Exclude<TarEntry, Uint8Array | string>): OtherFields {
  const type = typeFlags[entry.type];
  return entry.type === 'directory' ? { type, mode: entry.mode ?? 0o755 } : { type, link: entry.link };
}

/** An entry of any type; `type`: the type flag of the format. */
export interface TarItem {
  readonly name: string;
  readonly content?: Uint8Array | string;
  readonly type?: string;
  readonly link?: string;
  /** Instead of the length of the content. */
  readonly size?: number;
}

/** A tar archive of the entries, with the end mark. */
export function tarOf(items: readonly TarItem[]): Buffer {
  const blocks = items.flatMap(({ name, content = '', type = '0', link = '', size }) => {
    const bytes = Buffer.from(content);
    return [header(name, size ?? bytes.length, { type, link }), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Fields of a header that are not those of a file. */
interface OtherFields {
  readonly type?: string;
  readonly link?: string;
  readonly mode?: number;
}

function header(name: string, sizeBytes: number, { type = '0', link = '', mode = 0o644 }: OtherFields = {}): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write(link, 157);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** Returns the regular files of a tar archive that `fileHeader` or `tar` has made: names of at most 100 bytes. */
export function readTar(archive: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  const text = (at: number, length: number) => archive.toString('latin1', at, at + length).replace(/\0.*/s, '');
  for (let at = 0; archive[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    files.set(text(at, 100), archive.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
