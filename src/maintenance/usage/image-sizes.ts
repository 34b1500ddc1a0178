import type { SizedReference } from '../../../storage/metadata/queries/usage/sizes.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';

/** An image of a repository, and the bytes that nothing else in the repository needs. */
export interface ImageSize {
  readonly digest: Digest;
  /** Tags that point at it, at least one. */
  readonly tags: readonly string[];
  readonly ownBytes: number;
}

/** Rows that are read for the manifests of one level. */
const maxReferences = 2000;

/** Computes the sizes of the images that the last `limit` tags by name point at, with two reads of references. */
export async function sizeImages(
  sizes: MetadataStore['usageSizes'],
  repositoryId: number,
  limit: number,
): Promise<readonly ImageSize[]> {
  const tags = Map.groupBy(await sizes.listTags(repositoryId, limit), ({ digest }) => digest);
  const images = [...tags.keys()];
  const references = await sizes.listReferences(repositoryId, images, maxReferences);
  // A child that only one index needs, and no tag, belongs to that index.
  const children = references.filter(({ isManifest, isTagged, uses }) => isManifest && !isTagged && uses === 1);
  const grandchildren = await sizes.listReferences(
    repositoryId,
    children.map(({ digest }) => digest),
    maxReferences,
  );
  const parents = new Map(children.map(({ digest, manifest }) => [digest, manifest]));
  const stored = new Map((await sizes.listSizes(images)).map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  const contents = [
    ...references,
    ...grandchildren.map((row) => ({ ...row, manifest: parents.get(row.manifest) ?? row.manifest })),
  ];
  const own = Map.groupBy(contents, ({ manifest }) => manifest);
  return images.map((digest) => ({
    digest,
    tags: (tags.get(digest) ?? []).map(({ name }) => name),
    ownBytes: (stored.get(digest) ?? 0) + sumOwn(own.get(digest) ?? []),
  }));
}

/** Sums contents all of whose uses are among the references of one image. A tagged child is an image of its own. */
function sumOwn(references: readonly SizedReference[]): number {
  const uses = Map.groupBy(references, ({ digest }) => digest);
  let bytes = 0;
  for (const [row, ...others] of uses.values())
    if (row && row.uses === others.length + 1 && !row.isTagged) bytes += row.sizeBytes ?? 0;
  return bytes;
}
