import { repositoriesPrefix } from '../../../storage/blobs/distribution-links.ts';
import { blobsPrefix } from '../../../storage/blobs/layout.ts';

/** A part of the store: the paths from `from` up to `before` (exclusive). A run reads several at once, and resumes each. */
export interface Shard {
  readonly name: string;
  readonly kind: 'blobs' | 'links';
  /** Begins the paths of all shards of the kind. */
  readonly prefix: string;
  readonly from: string;
  readonly before: string;
}

/** Larger than any other path with the prefix. */
const end = '\u{10ffff}';

const hexDigits = Array.from('123456789abcdef');
const letters = Array.from('bcdefghijklmnopqrstuvwxyz');

/** Digests are spread evenly. The last shard has SHA-512, and foreign files. */
const blobBounds = [...hexDigits.map((digit) => `sha256/${digit}`), 'sha256/g'];
/** By the first character of names. The first shard has digits and everything else before `b`. */
const linkBounds = [...letters, '{'];

function divide(kind: Shard['kind'], prefix: string, bounds: readonly string[]): readonly Shard[] {
  const starts = ['', ...bounds];
  return starts.map((start, index) => {
    const next = starts[index + 1];
    return { name: `${kind}:${start}`, kind, prefix, from: prefix + start, before: prefix + (next ?? end) };
  });
}

/** Blobs come first: links are recorded for known blobs. */
export const blobShards = divide('blobs', blobsPrefix, blobBounds);
export const linkShards = divide('links', repositoriesPrefix, linkBounds);
