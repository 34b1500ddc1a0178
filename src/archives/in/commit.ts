import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import type { RepositoryName, Tag } from '../../oci/reference.ts';
import type { Author } from '../../registry/author.ts';
import type { Blobs } from '../../registry/blobs.ts';
import type { BatchItem, ManifestBatches } from '../../registry/manifest-batches.ts';
import type { Uploads } from '../../registry/uploads.ts';
import { invalidArchive } from '../archive-error.ts';
import type { PlannedImage, StagedArchive } from './plan.ts';
import type { Target } from './targets.ts';

export interface CommitOptions {
  readonly uploads: Pick<Uploads, 'retarget' | 'finish'>;
  readonly blobs: Pick<Blobs, 'keep' | 'isLost' | 'mount'>;
  readonly batches: ManifestBatches;
}

export interface CommitRequest {
  readonly archive: StagedArchive;
  /** Id of the account that sent the archive. */
  readonly owner: string;
  readonly targets: readonly Target[];
  /** True if the client may only add tags to the repository. */
  readonly keepsTags: (repository: RepositoryName) => boolean;
  readonly author?: Author | undefined;
}

/** An image that was stored. */
export interface CommittedTag {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly digest: Digest;
  /** What its index lists and the archive does not have: platforms, or digests of entries without a platform. */
  readonly missing: readonly string[];
}

/** More than any archive has: each is held until the transaction. */
const maxManifests = 1000;

/**
 * Stores the images under their targets: first the blobs, as pushes do, then all manifests and tags in one transaction. After a
 * failure no tag has changed, and the commit can be repeated; blobs that were stored already are collected if it is not.
 */
export async function commitArchive(
  { archive, owner, targets, keepsTags, author }: CommitRequest,
  { uploads, blobs, batches }: CommitOptions,
): Promise<readonly CommittedTag[]> {
  const items = itemsOf(archive, targets, keepsTags);
  await batches.checkTags(items);

  async function isStored(repository: RepositoryName, digest: Digest): Promise<boolean> {
    try {
      return !(await blobs.isLost(digest, await blobs.keep(repository, digest)));
    } catch (error) {
      if (error instanceof OciError && error.code === 'BLOB_UNKNOWN') return false;
      throw error;
    }
  }

  /** Ends the upload session in the repository. False if another repository has got the blob from it. */
  async function finish(repository: RepositoryName, digest: Digest): Promise<boolean> {
    const planned = archive.plan.blobs[digest];
    if (!planned) throw new Error(`the plan of archive ${archive.id} has no blob ${digest}`);
    // An interrupted commit may have moved the session to any of the targets.
    for (const from of new Set([archive.repository, ...targets.map((target) => target.repository)])) {
      try {
        await uploads.retarget({ id: planned.session, repository: from, owner }, repository);
        await uploads.finish({ id: planned.session, repository, owner, author }, digest);
        return true;
      } catch (error) {
        if (!(error instanceof OciError && error.code === 'BLOB_UPLOAD_UNKNOWN')) throw error;
      }
    }
    return false;
  }

  async function mountFromOther(repository: RepositoryName, digest: Digest): Promise<boolean> {
    for (const { repository: from } of targets)
      if (from !== repository && (await blobs.mount(from, repository, digest, author))) return true;
    return false;
  }

  for (const { repository, digest } of neededBlobs(archive, targets)) {
    if (await isStored(repository, digest)) continue;
    if ((await mountFromOther(repository, digest)) || (await finish(repository, digest))) continue;
    throw new OciError('BLOB_UPLOAD_UNKNOWN', { message: `${digest} of the archive is not there any more: upload it again` });
  }
  await batches.put(items, author);
  return targets.map(({ image, repository, tag }) => {
    const { digest, missing = [] } = imageAt(archive, image);
    return { repository, tag, digest, missing };
  });
}

function imageAt({ plan }: StagedArchive, at: number): PlannedImage {
  const image = plan.images[at];
  if (!image) throw invalidArchive(`the archive has no image ${at}: it has ${plan.images.length}, counted from 0`);
  return image;
}

function neededBlobs(archive: StagedArchive, targets: readonly Target[]) {
  const needed = targets.flatMap(({ image, repository }) =>
    imageAt(archive, image).blobs.map((digest) => [`${repository} ${digest}`, { repository, digest }] as const),
  );
  return new Map(needed).values();
}

function itemsOf(
  archive: StagedArchive,
  targets: readonly Target[],
  keepsTags: CommitRequest['keepsTags'],
): readonly BatchItem[] {
  const items = new Map<string, BatchItem>();
  const tagged = new Map<string, Digest>();
  for (const { image, repository, tag } of targets) {
    const { digest: top, manifests } = imageAt(archive, image);
    const name = `${repository}:${tag}`;
    if ((tagged.get(name) ?? top) !== top)
      throw invalidArchive(`${name} is the target of two images: choose another tag for one`);
    tagged.set(name, top);
    for (const { digest, mediaType, bytes, optional } of manifests) {
      const key = `${repository} ${digest}`;
      const known = items.get(key);
      const tags = [...(known?.tags ?? []), ...(digest === top ? [tag] : [])];
      const content = known?.bytes ?? Buffer.from(bytes, 'base64');
      items.set(key, {
        repository,
        digest,
        mediaType,
        bytes: content,
        optional,
        tags: [...new Set(tags)],
        keepTags: keepsTags(repository),
      });
    }
  }
  if (items.size > maxManifests)
    throw invalidArchive(`the images have ${items.size} manifests: at most ${maxManifests} can be stored at once`);
  return [...items.values()];
}
