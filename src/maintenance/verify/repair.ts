import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import type { Attempt, PeerAttempts } from './peers.ts';

/** Content that is fetched again from an upstream, by its digest. */
export interface Refetch {
  /** Fetches and stores the content from the upstream that `repository` mirrors. Rejects if the upstream does not have it. */
  (repository: RepositoryName, digest: Digest, kind: 'manifest' | 'blob'): Promise<void>;
}

/** Repairs content in quarantine. */
export interface Repair {
  /**
   * Fetches the content again: from `from`, or from the upstreams whose mirrored repositories have it, or from the registries
   * that entries of `sync` copy its repositories from or to. True if it has left the quarantine; otherwise the reason of the
   * last try is recorded. Nothing is tried for pushed content in no entry of `sync`.
   */
  tryRepair(digest: Digest, from?: RepositoryName): Promise<boolean>;
}

export interface RepairOptions {
  readonly metadata: Pick<MetadataStore, 'affectedImages' | 'corruptContent'>;
  readonly refetch: Refetch;
  readonly peers: PeerAttempts;
  /** Makes sure that the result of a repair is recorded: downloads are recorded right after their last byte. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** Mirrored repositories, and registries of `sync`, that are tried for each content. */
const maxSources = 3;
/** A download is recorded shortly after its last byte: so many looks, and the milliseconds between them. */
const looks = 50;
const lookMilliseconds = 100;

export function createRepair({ metadata, refetch, peers, pause }: RepairOptions): Repair {
  const isCorrupt = async (digest: Digest) => (await metadata.corruptContent.findAll([digest])).length > 0;

  async function isRepaired(digest: Digest): Promise<boolean> {
    for (let look = 0; look < looks; look++) {
      if (!(await isCorrupt(digest))) return true;
      await pause(lookMilliseconds);
    }
    return false;
  }

  /** Returns where the content may come from, in the order in which it is tried. */
  async function attemptsFor(digest: Digest, from: RepositoryName | undefined): Promise<readonly Attempt[]> {
    const manifests = await metadata.affectedImages.list(digest, 1000);
    const kind = manifests.some((manifest) => manifest.digest === digest) ? 'manifest' : 'blob';
    const mirrored = from === undefined ? await metadata.corruptContent.listMirrored(digest, maxSources) : [from];
    const attempts = mirrored.map((source) => ({ source, fetch: () => refetch(source, digest, kind) }));
    if (from !== undefined) return attempts;
    const repositories = manifests.map(({ repository }) => repository);
    return [...attempts, ...(await peers.of(digest, kind, repositories)).slice(0, maxSources)];
  }

  return {
    async tryRepair(digest, from) {
      let failure: string | undefined;
      for (const { source, fetch } of await attemptsFor(digest, from)) {
        try {
          await fetch();
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
