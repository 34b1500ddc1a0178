import type { Entry } from './entry.ts';

/** Bytes of an index object. */
export interface Section {
  readonly offset: number;
  readonly length: number;
}

/** A frame, and its first entry. */
export interface FramePlace extends Section {
  readonly directory: string;
  readonly name: string;
  readonly entries: number;
}

/** Why a layer has no index: building it again would end the same way. */
export interface IndexFailure {
  /** The limit that was exceeded, or `format` for an archive that cannot be read. */
  readonly limit: LimitName | 'format';
  /** A sentence. */
  readonly message: string;
}

/** Limits of reading a layer. */
export type LimitName = 'unpacked' | 'ratio' | 'entries' | 'path' | 'time' | 'memory';

export type Compression = 'none' | 'gzip' | 'zstd';

/** A file with a list of packages that was found in a layer. */
export interface PackageFile {
  readonly path: string;
  readonly format: PackageFormat;
  /** Why the packages could not be read; '' if they were. */
  readonly unread: string;
}

export type PackageFormat = 'dpkg' | 'apk' | 'rpm';

interface HeadFields {
  readonly frames: readonly FramePlace[];
  readonly entries: number;
  /** The biggest files, biggest first. */
  readonly biggest: readonly Entry[];
}

/** The head of the index of a layer. */
export interface LayerHead extends HeadFields {
  readonly kind: 'layer';
  readonly failure?: undefined;
  readonly compression: Compression;
  readonly unpackedBytes: number;
  /** JSON of `Checkpoint[]`, compressed; undefined: the layer can only be read from its start. */
  readonly checkpoints: Section | undefined;
  readonly packageFiles: readonly PackageFile[];
  /** JSON of `Package[][]`, compressed: the packages of each file. Undefined if there are no files. */
  readonly packages: Section | undefined;
}

/** What a layer adds to an image. */
export interface LayerShare {
  /** Sum of the sizes of its files. */
  readonly totalBytes: number;
  /** Of these the bytes that layers above hide. */
  readonly hiddenBytes: number;
  readonly added: number;
  readonly changed: number;
  readonly deleted: number;
  /** What the entries of the layer change in the image: two bits for each entry in the order of its index, see `Change`. */
  readonly changes: Section;
}

/** Effect of a layer's entry on the layers below it; the values are stored. */
export const changeKinds = ['added', 'changed', 'deleted', 'none'] as const;
export type Change = (typeof changeKinds)[number];

/** A path whose bytes are stored in several layers, or in a layer below its deletion. */
export interface WastedPath {
  readonly path: string;
  /** Bytes that the image has and does not show. */
  readonly bytes: number;
  /** How many layers have the path. */
  readonly copies: number;
}

/** The head of the index of an image: the merged view of its layers. */
export interface ImageHead extends HeadFields {
  readonly kind: 'image';
  readonly failure?: undefined;
  readonly layers: readonly LayerShare[];
  /** The paths with the most wasted bytes, most first. */
  readonly wasted: readonly WastedPath[];
  /** Files with packages that the merged view shows, by layer. */
  readonly packageFiles: readonly { readonly layer: number; readonly path: string }[];
}

/** Stored in place of an index. */
export interface FailedHead {
  readonly kind: 'layer' | 'image';
  readonly failure: IndexFailure;
}

export type Head = LayerHead | ImageHead | FailedHead;

/**
 * A place where decompression can begin. `block`: inside a gzip member, after the window of 32 KiB is restored; `start`: at
 * a gzip member or zstd frame.
 */
export interface Checkpoint {
  readonly kind: 'start' | 'block';
  /** Offset in the unpacked archive. */
  readonly out: number;
  /** Offset in the blob. */
  readonly in: number;
  /** Bits of the byte at `in` that belong to what comes before. */
  readonly bits: number;
  /** Compressed bytes in front of the checkpoint; undefined for `start`. */
  readonly window: Section | undefined;
}

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
