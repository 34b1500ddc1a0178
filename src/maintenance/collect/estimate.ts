import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { ContentUses } from '../../../storage/metadata/queries/collection/estimate.ts';
import type { RetainedRepository } from '../../../storage/metadata/queries/retention/content.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** Manifests or blobs, and the bytes that leave the blob store with them. */
export interface Space {
  readonly count: number;
  /** At least: content that several repositories have counts for none of them. */
  readonly bytes: number;
}

/** What a repository can free. */
export interface Reclaimable {
  readonly repository: RepositoryName;
  /** Blobs that no manifest needs: garbage collection deletes them when their reviews are due. */
  readonly waiting: Space;
  /** Manifests in the trash. */
  readonly trash: Space;
  /** Manifests that `garbageCollection.untagged` would delete. */
  readonly untagged: Space;
}

export interface ReclaimablePage {
  readonly repositories: readonly Reclaimable[];
  /** The `after` of the next page; undefined: the last one. */
  readonly next: RepositoryName | undefined;
}

/** Computes what could be freed, by many short reads, between which other requests run. */
export interface Estimator {
  /**
   * Returns a page of at most `limit` pushed repositories after the name `after`. `untaggedMs`: see
   * `garbageCollection.untagged`.
   */
  list(after: string, limit: number, untaggedMs: number): Promise<ReclaimablePage>;
  /** Returns the manifests of the repository that `garbageCollection.untagged` would delete after `untaggedMs`. */
  findUntagged(repository: RetainedRepository, untaggedMs: number): Promise<Space>;
}

const pageRows = 200;
const nothing: Space = { count: 0, bytes: 0 };

/** Names have no larger character. */
const afterAllNames = '~';

export function createEstimator(
  metadata: Pick<MetadataStore, 'collectionEstimate' | 'deletions' | 'retentionContent'>,
  now: () => number,
): Estimator {
  const { collectionEstimate: estimate, deletions } = metadata;

  /** Collects the pages of `read`, which returns digests after the one that it is given. */
  async function readAll(read: (after: string) => Promise<readonly Digest[]>): Promise<readonly Digest[]> {
    const found: Digest[] = [];
    for (let after = ''; ;) {
      const page = await read(after);
      found.push(...page);
      if (page.length < pageRows) return found;
      after = page.at(-1) ?? '';
    }
  }

  async function* usesOf(repositoryId: number, digests: Iterable<Digest>): AsyncGenerator<ContentUses> {
    const all = [...digests];
    for (let from = 0; from < all.length; from += pageRows)
      yield* await estimate.listUses(repositoryId, all.slice(from, from + pageRows));
  }

  /** Returns how many of the manifests reference each digest; the manifests themselves are among the keys. */
  async function countReferences(
    repositoryId: number,
    manifests: readonly Digest[],
    from: 'manifest_references' | 'trashed_references',
  ): Promise<ReadonlyMap<Digest, number>> {
    const counts = new Map<Digest, number>(manifests.map((digest) => [digest, 0]));
    for (let start = 0; start < manifests.length; start += pageRows) {
      const references = await estimate.listReferences(repositoryId, manifests.slice(start, start + pageRows), from);
      for (const digest of references) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
    return counts;
  }

  /** Sums the sizes of contents that fulfil `isFreed` and are in no other repository. */
  async function sum(repositoryId: number, digests: Iterable<Digest>, isFreed: (uses: ContentUses) => boolean): Promise<Space> {
    let [count, bytes] = [0, 0];
    for await (const uses of usesOf(repositoryId, digests)) {
      if (uses.isElsewhere || !isFreed(uses)) continue;
      count++;
      bytes += uses.sizeBytes;
    }
    return { count, bytes };
  }

  async function findWaiting(repositoryId: number): Promise<Space> {
    const reviewed = await readAll((after) => estimate.listReviewed(repositoryId, after, pageRows));
    return sum(repositoryId, reviewed, ({ live, trashed, isLinked }) => live + trashed === 0 && isLinked);
  }

  async function findTrash(repositoryId: number): Promise<Space> {
    const manifests = await readAll((after) => estimate.listTrashed(repositoryId, after, pageRows));
    const counts = await countReferences(repositoryId, manifests, 'trashed_references');
    const { bytes } = await sum(repositoryId, counts.keys(), ({ live, isManifest }) => live === 0 && !isManifest);
    return { count: manifests.length, bytes };
  }

  /** Returns the manifests that would be deleted, with those that only they keep. */
  async function listUntagged({ repositoryId, repository }: RetainedRepository, before: number): Promise<ReadonlySet<Digest>> {
    const found = new Set<Digest>();
    for (let after: Digest | undefined | '' = ''; after !== undefined;) {
      await yieldToOthers();
      const page = await estimate.listUntagged(repositoryId, after, pageRows, now());
      for (const { digest } of page.manifests.filter(({ lastNeededAt }) => lastNeededAt <= before)) {
        await yieldToOthers();
        const result = await deletions.preview(repository, digest, now());
        if (result.outcome === 'deleted') for (const one of result.removal.manifests) found.add(one);
      }
      after = page.next;
    }
    return found;
  }

  async function findUntagged(repository: RetainedRepository, untaggedMs: number): Promise<Space> {
    const manifests = await listUntagged(repository, now() - untaggedMs);
    if (manifests.size === 0) return nothing;
    const counts = await countReferences(repository.repositoryId, [...manifests], 'manifest_references');
    const { bytes } = await sum(repository.repositoryId, counts.keys(), ({ digest, live, trashed, isManifest }) => {
      return isManifest ? manifests.has(digest) : live === counts.get(digest) && trashed === 0;
    });
    return { count: manifests.size, bytes };
  }

  return {
    findUntagged,
    async list(after, limit, untaggedMs) {
      const page = await metadata.retentionContent.listRepositories(after, afterAllNames, limit);
      const repositories: Reclaimable[] = [];
      for (const repository of page) {
        const { repositoryId } = repository;
        repositories.push({
          repository: repository.repository,
          waiting: await findWaiting(repositoryId),
          trash: await findTrash(repositoryId),
          untagged: await findUntagged(repository, untaggedMs),
        });
      }
      return { repositories, next: page.length === limit ? page.at(-1)?.repository : undefined };
    },
  };
}
