import type { Pull } from '../../storage/metadata/queries/pulls.ts';
import { pullResolutionMilliseconds } from '../../storage/metadata/queries/pulls.ts';
import { MetadataError, type MetadataStore } from '../../storage/metadata/store.ts';
import { createBatch } from '../coordination/batch.ts';
import { createLru } from '../coordination/lru.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';

/**
 * Records when clients pull manifests, for rules of retention: in batches, and at most once an hour for each manifest. Only
 * requests of clients are recorded; berth's own reads use other paths.
 */
export interface Pulls {
  /** Adds a pull by the account, '' for a client without a login. Writes nothing itself. */
  add(repository: RepositoryName, digest: Digest, account: string): void;
  /** Resolves when all pulls added before are written, or their write has failed. Never rejects. */
  flush(): Promise<void>;
}

export interface PullsOptions {
  readonly metadata: Pick<MetadataStore, 'pulls'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Accounts whose pulls do not count: scanners and the like. */
  readonly ignoredAccounts?: readonly string[];
  /** Called when pulls could not be written. */
  readonly onPullsNotRecorded?: (error: unknown) => void;
}

/** Limits the memory: a full batch is written at once. */
const largestBatch = 1000;

/** Manifests whose last recorded pull is remembered, about 200 bytes each. */
const rememberedManifests = 50_000;

export function createPulls({ metadata, now, ignoredAccounts = [], onPullsNotRecorded }: PullsOptions): Pulls {
  const ignored = new Set(ignoredAccounts);
  const recorded = createLru<number>(rememberedManifests);
  const gathered = createBatch(largestBatch, write);
  let hasStarted = false;

  async function write(pulls: readonly Pull[]): Promise<void> {
    try {
      await startOnce();
      if (pulls.length > 0) await metadata.pulls.record(pulls);
    } catch (error) {
      // The next pull of each is recorded again.
      for (const pull of pulls) recorded.delete(keyOf(pull.repository, pull.digest));
      if (!(error instanceof MetadataError && error.code === 'read_only')) onPullsNotRecorded?.(error);
    }
  }

  async function startOnce(): Promise<void> {
    if (hasStarted) return;
    if ((await metadata.pulls.findStart()) === undefined) await metadata.pulls.start(now());
    hasStarted = true;
  }

  return {
    add(repository, digest, account) {
      const key = keyOf(repository, digest);
      const at = now();
      const last = recorded.get(key);
      if (last !== undefined && at - last < pullResolutionMilliseconds && at >= last) return;
      if (ignored.has(account)) return;
      recorded.set(key, at);
      gathered.add(key, { repository, digest, at });
    },
    flush: gathered.flush,
  };
}

function keyOf(repository: string, digest: string): string {
  return `${digest} ${repository}`;
}
