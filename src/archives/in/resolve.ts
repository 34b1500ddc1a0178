import { invalidArchive } from '../archive-error.ts';
import type { ArchiveContents } from './contents.ts';
import { resolveDockerArchive } from './docker-archive.ts';
import { resolveOciLayout } from './oci-layout.ts';
import type { ResolvedImage } from './resolved.ts';

/**
 * Resolves the images of an archive. Archives with both indexes are read as OCI layouts, because those have manifests. Throws
 * MANIFEST_INVALID, with the entry, what was expected and what was found.
 */
export function resolveImages(contents: ArchiveContents): readonly ResolvedImage[] {
  const images = contents.find('index.json') ? resolveOciLayout(contents) : [];
  if (images.length > 0) return images;
  if (contents.find('manifest.json')) {
    const listed = resolveDockerArchive(contents);
    if (listed.length > 0) return listed;
  }
  if (contents.find('index.json') ?? contents.find('manifest.json')) throw invalidArchive('the archive lists no image');
  throw invalidArchive(
    `the archive has neither "index.json" (OCI image layout) nor "manifest.json" (docker save) among its ${contents.entries} entries`,
  );
}
