import { type ContentsOptions, contentsOf, fetchBlob, locateImage } from './image-contents.ts';
import type { ImageName } from './image-name.ts';

export interface PreheatOptions extends ContentsOptions {
  /** Bytes that are here, of those that must be. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/** Layers fetched at a time. */
const atOnce = 3;

/**
 * Fetches everything of an image that a client would pull. Rejects with what such a client would read; also, once the rest
 * is here, where the image lists none for a wanted platform.
 */
export async function preheat(image: ImageName, options: PreheatOptions): Promise<void> {
  const { mirror, onProgress } = options;
  const source = await locateImage(image, mirror);
  const { blobs, missingPlatforms, listedPlatforms } = await contentsOf(source, image.reference, options);
  const totalBytes = [...blobs.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  let doneBytes = 0;
  const pending = blobs.entries();

  async function fetchInTurn(): Promise<void> {
    for (const [digest, sizeBytes] of pending) {
      const isNew = await fetchBlob(mirror, source, digest, (bytes) => onProgress((doneBytes += bytes), totalBytes));
      if (!isNew) onProgress((doneBytes += sizeBytes), totalBytes);
    }
  }

  onProgress(0, totalBytes);
  await Promise.all(Array.from({ length: atOnce }, fetchInTurn));
  if (missingPlatforms.length > 0)
    throw new Error(`it lists nothing for ${missingPlatforms.join(', ')}, but for ${listedPlatforms.join(', ')}`);
}
