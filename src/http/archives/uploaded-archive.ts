import type { CommittedTag } from '../../archives/in/commit.ts';
import type { ArchiveImports } from '../../archives/in/imports.ts';
import type { PlannedManifest, StagedArchive } from '../../archives/in/plan.ts';
import { type Target, proposeTargets } from '../../archives/in/targets.ts';
import { OciError } from '../../oci/errors.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import type { Author } from '../../registry/author.ts';
import { type Client, requireRight } from '../auth/require-right.ts';

/** An image of an uploaded archive, as the page and the API show it. */
export interface UploadedImage {
  /** As the archive has them. */
  readonly names: readonly string[];
  readonly digest: string;
  readonly platforms: readonly string[];
  /** What an index lists and the archive does not have: platforms, or digests of entries without a platform. */
  readonly missing: readonly string[];
  /** Of manifests, configs and layers. */
  readonly bytes: number;
  /** Of an image; of an index, the layers that its images have, shared ones counted once. */
  readonly layers: number;
  /** What is different from the archive. */
  readonly note: string | undefined;
  /** Where a commit without targets stores it. */
  readonly targets: readonly Target[];
}

export function listImages({ plan, repository }: Pick<StagedArchive, 'plan' | 'repository'>): readonly UploadedImage[] {
  const targets = proposeTargets(plan.images, repository);
  return plan.images.map(({ names, digest, platforms, missing = [], note, manifests, blobs }, at) => {
    const manifestBytes = manifests.map(({ bytes }) => Buffer.byteLength(bytes, 'base64'));
    const blobBytes = blobs.map((blob) => plan.blobs[blob]?.sizeBytes ?? 0);
    return {
      names,
      digest,
      platforms,
      missing,
      note,
      bytes: [...manifestBytes, ...blobBytes].reduce((sum, bytes) => sum + bytes, 0),
      layers: countLayers(manifests),
      targets: targets.filter(({ image }) => image === at),
    };
  });
}

function countLayers(manifests: readonly PlannedManifest[]): number {
  const layers = manifests.flatMap(({ bytes }) => {
    const manifest = JSON.parse(Buffer.from(bytes, 'base64').toString()) as { readonly layers?: readonly { digest: string }[] };
    return manifest.layers ?? [];
  });
  return manifests.length === 1 ? layers.length : new Set(layers.map(({ digest }) => digest)).size;
}

/**
 * Stores images of an uploaded archive, all or none. `chosen`: undefined: the targets that the archive proposes. Throws DENIED
 * and NAME_UNKNOWN unless the client may push to each target, and what `ArchiveImports.commit` throws.
 */
export async function commitUploaded(
  imports: Pick<ArchiveImports, 'commit'>,
  archive: StagedArchive,
  client: Client & { readonly author: Author },
  chosen: readonly Target[] | undefined,
): Promise<readonly CommittedTag[]> {
  const targets = chosen ?? proposeTargets(archive.plan.images, archive.repository);
  if (targets.length === 0)
    throw new OciError('UNSUPPORTED', { status: 400, message: 'the archive gives its images no names: choose targets' });
  const keepTags = new Map<RepositoryName, boolean>();
  for (const { repository } of targets) {
    if (keepTags.has(repository)) continue;
    await requireRight(client, 'add', repository);
    keepTags.set(repository, !(await client.allows('push', repository)));
  }
  const keepsTags = (repository: RepositoryName) => keepTags.get(repository) ?? true;
  return imports.commit({ archive, owner: client.principal.id, targets, author: client.author, keepsTags });
}
