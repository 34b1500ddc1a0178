import type { ImageHead } from './image-head.ts';
import type { LayerHead } from './layer-head.ts';
import type { Section } from './section.ts';

/** Why a layer has no index: building it again would end the same way. */
export interface IndexFailure {
  /** The limit that was exceeded, or `format` for an archive that cannot be read. */
  readonly limit: LimitName | 'format';
  /** A sentence. */
  readonly message: string;
}

/** Limits of reading a layer. */
export type LimitName = 'unpacked' | 'ratio' | 'entries' | 'path' | 'time' | 'memory';

/** Stored in place of an index. */
export interface FailedHead {
  readonly kind: 'layer' | 'image';
  readonly failure: IndexFailure;
}

export type Head = LayerHead | ImageHead | FailedHead;

/** The last bytes of an index object: where its head is. */
export const trailerBytes = 16;
const magic = 0x62_69_78_31;

/** Returns the trailer of an index object. */
export function encodeTrailer({ offset, length }: Section): Buffer {
  const trailer = Buffer.alloc(trailerBytes);
  trailer.writeUInt32BE(magic, 0);
  trailer.writeUIntBE(offset, 4, 6);
  trailer.writeUIntBE(length, 10, 6);
  return trailer;
}

/** Returns where the head is; undefined if the bytes are no trailer. */
export function decodeTrailer(trailer: Buffer): Section | undefined {
  if (trailer.length !== trailerBytes || trailer.readUInt32BE(0) !== magic) return undefined;
  return { offset: trailer.readUIntBE(4, 6), length: trailer.readUIntBE(10, 6) };
}
