import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** Content that is fetched again from an upstream, by its digest. */
export interface Refetch {
  /** Fetches and stores the content from the upstream that `repository` mirrors. Rejects if the upstream does not have it. */
  (repository: RepositoryName, digest: Digest, kind: 'manifest' | 'blob'): Promise<void>;
}

/** Repairs content in quarantine. */
export interface Repair {
  /**
   * Fetches the content from an upstream: from `from`, or from those whose mirrored repositories have it. True if it has left the
   * quarantine; otherwise the reason is recorded. Content that was pushed has no upstream: without `from` nothing is tried.
   */
  tryRepair(digest: Digest, from?: RepositoryName): Promise<boolean>;
}

export interface RepairOptions {
  readonly metadata: Pick<MetadataStore, 'affectedImages' | 'corruptContent'>;
  readonly refetch: Refetch;
  /** Makes sure that the result of a repair is recorded: downloads are recorded right after their last byte. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** Mirrored repositories that are tried for each content. */
const maxSources = 3;
/** A download is recorded shortly after its last byte: so many looks, and the milliseconds between them. */
const looks = 50;
const lookMilliseconds = 100;

export function createRepair({ metadata, refetch, pause }: RepairOptions): Repair {
  const isCorrupt = async (digest: Digest) => (await metadata.corruptContent.findAll([digest])).length > 0;

  async function isRepaired(digest: Digest): Promise<boolean> {
    for (let look = 0; look < looks; look++) {
      if (!(await isCorrupt(digest))) return true;
      await pause(lookMilliseconds);
    }
    return false;
  }

  return {
    async tryRepair(digest, from) {
      const sources = from === undefined ? await metadata.corruptContent.listMirrored(digest, maxSources) : [from];
      const manifests = await metadata.affectedImages.list(digest, 1000);
      const kind = manifests.some((manifest) => manifest.digest === digest) ? 'manifest' : 'blob';
      let failure: string | undefined;
      for (const source of sources) {
        try {
          await refetch(source, digest, kind);
          if (await isRepaired(digest)) return true;
          failure = `${source}: the content was fetched and could not be stored`;
        } catch (error) {
          failure = `${source}: ${error instanceof Error ? error.message : String(error)}`;
        }
      }
      if (failure !== undefined) await metadata.corruptContent.recordRepairError(digest, failure);
      return false;
    },
  };
}
