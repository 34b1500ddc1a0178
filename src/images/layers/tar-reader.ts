import { InvalidLayer } from './limits.ts';
import { type PaxFields, decodePax, withPax } from './pax.ts';
import { text } from './tar-fields.ts';
import { type TarHeader, blockBytes, decodeHeader } from './tar-header.ts';

/** Receives what an archive has, in its order. */
export interface TarVisitor {
  /** `offset`: where the content begins in the archive. */
  entry(header: TarHeader, offset: number): void;
  /** A part of the content of the entry. The memory is used again after the call. */
  content(bytes: Buffer): void;
  /** All content of the entry has been passed on. */
  end(): void;
}

/** Reads a tar archive that arrives in pieces. Memory: the longest extended header. */
export interface TarReader {
  /** Throws `InvalidLayer`, and what the visitor throws. */
  write(bytes: Buffer): void;
  /** Call it after the last byte. Throws `InvalidLayer` if the archive is cut off. */
  finish(): void;
}

/** Extended headers are some hundred bytes; extended attributes may add some 64 KiB each. */
const maxExtendedBytes = 1024 * 1024;

const noFields: PaxFields = new Map();

/** Content that is collected for the reader itself. */
interface Collected {
  readonly parts: Buffer[];
  use(bytes: Buffer): void;
}

export function createTarReader(visitor: TarVisitor): TarReader {
  const block = Buffer.alloc(blockBytes);
  let blockLength = 0;
  /** Bytes read. */
  let position = 0;
  /** Bytes of the current content, and of the padding after it. */
  let content = 0;
  let padding = 0;
  let collected: Collected | undefined;
  let isEnded = false;
  let global = noFields;
  let local = noFields;
  let longPath: string | undefined;
  let longLink: string | undefined;

  function begin(header: TarHeader): void {
    const at = position - blockBytes;
    const use = users(at)[header.type];
    if (use) {
      if (header.sizeBytes > maxExtendedBytes) throw new InvalidLayer(`the extended header at ${at} of the archive is too large`);
      collected = { parts: [], use };
      expect(header.sizeBytes);
      return;
    }
    if (header.type === 'S' || local.has('GNU.sparse.map') || local.has('GNU.sparse.major')) {
      throw new InvalidLayer(`${header.path} is a sparse file of GNU tar, which cannot be read`);
    }
    const full = withPax(header, new Map([...global, ...local]), at);
    const entry = { ...full, path: longPath ?? full.path, link: longLink ?? full.link };
    [local, longPath, longLink] = [noFields, undefined, undefined];
    if (entry.sizeBytes < 0) throw new InvalidLayer(`the header at ${at} of the archive has a negative size`);
    visitor.entry(entry, position);
    expect(hasContent(entry.type) ? entry.sizeBytes : 0);
  }

  /** Extended headers, by the type of the entry (POSIX pax, GNU tar). */
  function users(at: number): Readonly<Record<string, (bytes: Buffer) => void>> {
    return {
      x: (bytes) => void (local = decodePax(bytes, at)),
      g: (bytes) => void (global = new Map([...global, ...decodePax(bytes, at)])),
      L: (bytes) => void (longPath = text(bytes, 0, bytes.length)),
      K: (bytes) => void (longLink = text(bytes, 0, bytes.length)),
    };
  }

  function expect(sizeBytes: number): void {
    content = sizeBytes;
    padding = (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
    if (content === 0) end();
  }

  function end(): void {
    if (!collected) return visitor.end();
    const { parts, use } = collected;
    collected = undefined;
    use(Buffer.concat(parts));
  }

  function takeContent(bytes: Buffer): number {
    const part = bytes.subarray(0, Math.min(content, bytes.length));
    if (collected) collected.parts.push(Buffer.from(part));
    else visitor.content(part);
    content -= part.length;
    position += part.length;
    if (content === 0) end();
    return part.length;
  }

  function skipPadding(bytes: Buffer): number {
    const skipped = Math.min(padding, bytes.length);
    padding -= skipped;
    position += skipped;
    return skipped;
  }

  function takeHeader(bytes: Buffer): number {
    const taken = bytes.copy(block, blockLength, 0, blockBytes - blockLength);
    blockLength += taken;
    position += taken;
    if (blockLength < blockBytes) return taken;
    blockLength = 0;
    const header = decodeHeader(block, position - blockBytes);
    if (header) begin(header);
    else isEnded = true;
    return taken;
  }

  return {
    write(bytes) {
      // What follows the end of the archive is padding.
      for (let rest = bytes; rest.length > 0 && !isEnded;) {
        const take = content > 0 ? takeContent : padding > 0 ? skipPadding : takeHeader;
        rest = rest.subarray(take(rest));
      }
    },
    finish() {
      if (content > 0 || blockLength > 0) throw new InvalidLayer(`the archive is cut off after ${position} bytes`);
    },
  };
}

/** Links, devices and directories have no content, whatever their size says (POSIX pax). */
function hasContent(type: string): boolean {
  return !'123456'.includes(type);
}
