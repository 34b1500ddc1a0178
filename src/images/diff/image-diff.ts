import { createLru } from '../../coordination/lru.ts';
import type { ImageFinder } from '../view/image-finder.ts';
import { type ImageView, type ReadyImage, isReady } from '../view/image-opener.ts';
import type { PackageViews } from '../view/package-view.ts';
import { type ChangedField, diffConfig } from './config-diff.ts';
import { type FileDiff, diffFiles } from './file-diff.ts';
import { type DownloadSize, type LayerDiff, diffLayers, downloadSize } from './layer-diff.ts';
import { type ChangedPackage, diffPackages } from './package-diff.ts';

/** How two images differ. `diff(B, A)` is the mirror of `diff(A, B)`, apart from the download. */
export interface ImageDiff {
  readonly config: readonly ChangedField[];
  readonly layers: LayerDiff;
  readonly download: DownloadSize;
  /** Undefined until both images are indexed. */
  readonly files: FileDiff | undefined;
  readonly packages: readonly ChangedPackage[] | undefined;
}

export interface ImageDiffs {
  /** Compares two images. `limit`: how many changed files are listed. Rejects `ImageError`. */
  diff(from: ComparedImage, to: ComparedImage, limit: number): Promise<ImageDiff>;
}

export type ComparedImage = Pick<ImageView, 'image' | 'index'>;

export interface ImageDiffsOptions {
  readonly finder: Pick<ImageFinder, 'config'>;
  readonly packages: PackageViews;
}

/** Comparisons of files that are kept: Swap, a reload and the API ask for the same again. */
const keptDiffs = 20;

export function createImageDiffs({ finder, packages }: ImageDiffsOptions): ImageDiffs {
  // Images never change, and so neither do their differences.
  const known = createLru<FileDiff>(keptDiffs);

  async function filesOf(from: ReadyImage, to: ReadyImage, limit: number): Promise<FileDiff> {
    const key = `${from.index.digest} ${to.index.digest} ${limit}`;
    const files = known.get(key) ?? (await diffFiles(from.index, to.index, limit));
    known.set(key, files);
    return files;
  }

  return {
    async diff(from, to, limit) {
      const [fromConfig, toConfig] = await Promise.all([finder.config(from.image), finder.config(to.image)]);
      const areReady = isReady(from) && isReady(to);
      return {
        config: diffConfig(fromConfig, toConfig),
        layers: diffLayers(from.image, to.image),
        download: downloadSize(from.image, to.image),
        files: areReady ? await filesOf(from, to, limit) : undefined,
        packages: areReady ? diffPackages((await packages.list(from)).packages, (await packages.list(to)).packages) : undefined,
      };
    },
  };
}
