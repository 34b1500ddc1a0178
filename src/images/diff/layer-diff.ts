import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { FoundImage } from '../view/image-finder.ts';

/** What two images have in common. */
export interface LayerDiff {
  /** Number of layers at the bottom that are the same. */
  readonly shared: number;
  /** The layers above them. */
  readonly removed: readonly Descriptor[];
  readonly added: readonly Descriptor[];
}

/** The blobs of an image. */
export type PulledParts = Pick<FoundImage, 'config' | 'layers'>;

/** Bytes that a pull transfers, without manifests. */
export interface DownloadSize {
  readonly bytes: number;
  /** Of a client that has no image. */
  readonly totalBytes: number;
}

export function diffLayers(from: PulledParts, to: PulledParts): LayerDiff {
  const shared = sharedLayers(from, to);
  return { shared, removed: from.layers.slice(shared), added: to.layers.slice(shared) };
}

/**
 * Returns what a client with the image `from` downloads to get `to`. Docker keeps layers by their place on those below: it
 * fetches every layer above the first one that differs. The configuration counts too.
 */
export function downloadSize(from: PulledParts, to: PulledParts): DownloadSize {
  const missing = to.layers.slice(sharedLayers(from, to));
  const config = from.config.digest === to.config.digest ? [] : [to.config];
  return { bytes: sizeOf([...config, ...missing]), totalBytes: sizeOf([to.config, ...to.layers]) };
}

function sharedLayers(from: PulledParts, to: PulledParts): number {
  const different = to.layers.findIndex(({ digest }, place) => from.layers[place]?.digest !== digest);
  return different === -1 ? to.layers.length : different;
}

/** Counts a blob once that an image has twice. */
function sizeOf(blobs: readonly Descriptor[]): number {
  const sizes = new Map<Digest, number>(blobs.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  return [...sizes.values()].reduce((total, size) => total + size, 0);
}
