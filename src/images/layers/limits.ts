import type { LimitName } from '../index/head.ts';

/** How much of a layer is read at most, against archives that are made to exhaust the server. */
export interface Limits {
  readonly unpackedBytes: number;
  /** Unpacked bytes for each byte of the blob, once more than 64 MiB are unpacked. */
  readonly ratio: number;
  readonly entries: number;
  /** Bytes of a path or of the target of a link. */
  readonly pathBytes: number;
  /** For a whole layer or image. */
  readonly milliseconds: number;
  /** For the entries and checkpoints of a layer, before they are written. */
  readonly memoryBytes: number;
}

export const defaultLimits: Limits = {
  unpackedBytes: 64 * 1024 ** 3,
  ratio: 1000,
  entries: 2_000_000,
  pathBytes: 4096,
  milliseconds: 15 * 60_000,
  memoryBytes: 128 * 1024 ** 2,
};

/** Up to this size the ratio does not matter: small archives of zeros are common in tests. */
export const freeRatioBytes = 64 * 1024 ** 2;

/** A layer is larger than a limit allows. The message names the limit. */
export class LimitExceeded extends Error {
  override readonly name = 'LimitExceeded';
  readonly limit: LimitName;

  constructor(limit: LimitName, message: string) {
    super(message);
    this.limit = limit;
  }
}

/** A blob is not a layer that can be read. */
export class InvalidLayer extends Error {
  override readonly name = 'InvalidLayer';
}
