import type { OpenObject } from '../../../storage/blobs/driver.ts';
import { OciError } from '../../oci/errors.ts';
import type { Platform } from '../../oci/platform.ts';
import type { NamedReference } from '../../oci/reference.ts';
import { type ArchiveFile, type StoredPart, createArchiveFile } from './archive-file.ts';
import { type ExportedImage, type ImageReaderOptions, createImageReader } from './images.ts';

/** Images as files. */
export interface ArchiveExports {
  /**
   * Resolves to the archive of the images: nothing is written, and nothing fetched from upstreams. Rejects with
   * MANIFEST_UNKNOWN, and with UNSUPPORTED (409) if some content is not stored.
   */
  describe(names: readonly NamedReference[], options?: ExportOptions): Promise<ArchiveFile>;
  /** Opens a part of an archive. The caller closes it. Rejects with `ContentMissing` if it was deleted meanwhile. */
  open(part: StoredPart): Promise<OpenObject>;
}

export interface ExportOptions {
  /** The platform that is exported of each index. Default: all. */
  readonly platform?: Platform | undefined;
  /** Host in front of the names in the archive. Default: none. */
  readonly host?: string | undefined;
}

/** Largest number of images in one archive. */
export const maxExportedImages = 100;

export function createArchiveExports(options: ImageReaderOptions): ArchiveExports {
  const reader = createImageReader(options);
  return {
    open: ({ content: { digest, sizeBytes }, range }) => options.blobs.open(digest, sizeBytes, range),
    async describe(names, { platform, host } = {}) {
      if (names.length > maxExportedImages)
        throw new OciError('UNSUPPORTED', { status: 400, message: `an archive has at most ${maxExportedImages} images` });
      const images = new Map<string, ExportedImage>();
      for (const name of names) {
        const { repository, reference } = name;
        const key = `${repository} ${reference.tag ?? reference.digest}`;
        if (!images.has(key)) images.set(key, await reader.read(name, platform));
      }
      return createArchiveFile([...images.values()], { host });
    },
  };
}
