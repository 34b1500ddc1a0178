import type { ImageHead } from '../index/image-head.ts';

/** What the layers of an image hide of each other, in bytes of files. */
export interface Waste {
  readonly totalBytes: number;
  readonly wastedBytes: number;
  /** 1 − wasted/total */
  readonly efficiency: number;
}

export function wasteOf({ layers }: Pick<ImageHead, 'layers'>): Waste {
  const totalBytes = layers.reduce((sum, layer) => sum + layer.totalBytes, 0);
  const wastedBytes = layers.reduce((sum, layer) => sum + layer.hiddenBytes, 0);
  return { totalBytes, wastedBytes, efficiency: totalBytes === 0 ? 1 : 1 - wastedBytes / totalBytes };
}
