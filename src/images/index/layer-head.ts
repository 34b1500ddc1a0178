import type { HeadFields, Section } from './section.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** A file with a list of packages that was found in a layer. */
export interface PackageFile {
  readonly path: string;
  readonly format: PackageFormat;
  /** Why the packages could not be read; '' if they were. */
  readonly unread: string;
}

export type PackageFormat = 'dpkg' | 'apk' | 'rpm';

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
