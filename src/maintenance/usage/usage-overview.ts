import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { CollectionOverview, CollectionWork } from '../collect/overview.ts';
import type { EntryStatus, SyncOverview } from '../sync/overview.ts';
import type { VerificationOverview } from '../verify/overview.ts';
import { type UsageTrees, createUsageTrees } from './usage-tree.ts';

/** How much is stored, and what keeps it healthy. */
export interface UsageOverview {
  /** Reads a few rows. */
  summary(): Promise<StorageSummary>;
  readonly trees: UsageTrees;
}

/** Sizes in bytes, times in milliseconds since 1970; undefined: never, or not known. */
export interface StorageSummary {
  /** The file system of the blobs; undefined for a bucket. */
  readonly disk: { readonly totalBytes: number; readonly freeBytes: number } | undefined;
  /** The end of the last complete count; undefined: the first one has not ended, and the figures are too low. */
  readonly countedAt: number | undefined;
  readonly repositories: number;
  /** Everything that is stored as a blob or manifest: the sum of `imageBytes`, `cacheBytes`, `trashBytes` and `garbageBytes`. */
  readonly storedBytes: number;
  /** Content that images of this registry need. */
  readonly imageBytes: number;
  /** Content from upstreams. */
  readonly cacheBytes: number;
  /** Content that only the trash needs: emptying the trash frees it. */
  readonly trashBytes: number;
  /** Content that nothing needs: garbage collection frees it. */
  readonly garbageBytes: number;
  /** The part of `garbageBytes` that no repository has. */
  readonly orphanBytes: number;
  readonly uploads: number;
  readonly uploadBytes: number;
  /** Indexes of layers, which berth makes again when it needs them. */
  readonly indexBytes: number;
  /** Manifests that `garbageCollection.untagged` would delete, and at least so many bytes that it would free. */
  readonly untagged: { readonly manifests: number; readonly bytes: number };
  readonly collection: CollectionWork;
  readonly backupAt: number | undefined;
  /** Part of the content that was checked within the configured time, from 0 to 1. */
  readonly scrub: { readonly coverage: number; readonly corrupt: number; readonly oldestCheckAt: number | undefined };
  readonly sync: readonly Pick<EntryStatus, 'name' | 'state' | 'succeededAt'>[];
}

export interface UsageOverviewOptions {
  readonly metadata: Pick<MetadataStore, 'usageSizes' | 'usageCounting' | 'backups'>;
  readonly collection: Pick<CollectionOverview, 'work'>;
  readonly verification: Pick<VerificationOverview, 'status'>;
  readonly sync: Pick<SyncOverview, 'list'>;
  readonly disk: () => Promise<{ readonly totalBytes: number; readonly freeBytes: number } | undefined>;
}

export function createUsageOverview(options: UsageOverviewOptions): UsageOverview {
  const { metadata, collection, verification, sync, disk } = options;

  /** Sums what the counters have. */
  async function sizes() {
    const state = await metadata.usageCounting.findState();
    const total = await metadata.usageSizes.findNamespace('');
    const { heldBytes = 0, cacheBytes = 0, trashBytes = 0, garbageBytes = 0, repositories = 0 } = total ?? {};
    return {
      countedAt: state.completedAt ?? undefined,
      repositories,
      storedBytes: heldBytes + state.orphanBytes,
      imageBytes: heldBytes - cacheBytes - trashBytes - garbageBytes,
      cacheBytes,
      trashBytes,
      garbageBytes: garbageBytes + state.orphanBytes,
      orphanBytes: state.orphanBytes,
      uploads: state.uploads,
      uploadBytes: state.uploadBytes,
      indexBytes: state.indexBytes,
      untagged: { manifests: total?.untaggedManifests ?? 0, bytes: total?.untaggedBytes ?? 0 },
    };
  }

  return {
    trees: createUsageTrees(metadata),
    async summary() {
      const { coverage, corrupt, oldestCheck } = await verification.status();
      const entries = await sync.list();
      return {
        ...(await sizes()),
        disk: await disk(),
        collection: await collection.work(),
        backupAt: (await metadata.backups.findNewest())?.beganAt,
        scrub: { coverage, corrupt, oldestCheckAt: oldestCheck === 0 ? undefined : oldestCheck },
        sync: entries.map(({ name, state, succeededAt }) => ({ name, state, succeededAt })),
      };
    },
  };
}
