import type { DatedAuthor } from '../../../storage/metadata/queries/steps/events.ts';
import { type Excess, QuotaRefusal } from '../../../storage/metadata/queries/steps/quotas.ts';
import type { Yielded, YieldingEntry } from '../../../storage/metadata/queries/quotas/yields.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';

/** Entries that are read for one write. */
export const entriesAtOnce = 50;
/** Manifests that one write deletes: some milliseconds, if each references some ten blobs. */
export const manifestsAtOnce = 100;

export interface YieldOptions {
  readonly metadata: { readonly trashYields: MetadataStore['trashYields'] };
  readonly now: () => number;
  /** Called with the number of manifests that were deleted for good. */
  readonly onYielded: (manifests: number) => void;
}

/**
 * Deletes the oldest entries of the quota's trash for good until there is room for a push. Resolves to false if the trash
 * does not have enough. It then has lost nothing, unless it has more than 50 entries or 100 manifests. `pusher`: the actor in the
 * events.
 */
export async function yieldTrash(
  { metadata, now, onYielded }: YieldOptions,
  excess: Excess,
  pusher: Omit<DatedAuthor, 'at'> | undefined,
): Promise<boolean> {
  const { quotaId, kind, used, needed, limit, rule } = excess;
  if (kind !== 'bytes' || needed > limit) return false;
  let after = 0;
  for (let missing = used + needed - limit; missing > 0;) {
    const { entries, isLast } = await listEntries(metadata, quotaId, after);
    const [oldest] = entries;
    if (!oldest) return false;
    after = oldest.id - 1;
    const author = { actor: '', address: '', ...pusher, at: now() };
    const quota = { id: quotaId, bytes: missing, isLast };
    const reason = `quota ${rule} needs the space`;
    const yielded = await unlessUnyielding(
      metadata.trashYields.put({ entries, maxManifests: manifestsAtOnce, quota, reason, author }),
    );
    if (!yielded) return false;
    onYielded(yielded.manifests);
    missing -= yielded.freedBytes;
  }
  return true;
}

/** Entries of one read: also those of other quotas. */
const pageSize = 500;

/** Returns the oldest entries of the quota after the id. `isLast`: there are no others. */
async function listEntries(
  { trashYields }: YieldOptions['metadata'],
  quotaId: number,
  after: number,
): Promise<{ readonly entries: readonly YieldingEntry[]; readonly isLast: boolean }> {
  const entries: YieldingEntry[] = [];
  for (let position = after; entries.length < entriesAtOnce;) {
    const page = await trashYields.listForQuota(quotaId, position, pageSize);
    entries.push(...page.filter(({ isMember }) => isMember));
    const last = page.at(-1);
    if (!last || page.length < pageSize)
      return { entries: entries.slice(0, entriesAtOnce), isLast: entries.length <= entriesAtOnce };
    position = last.id;
  }
  return { entries: entries.slice(0, entriesAtOnce), isLast: false };
}

async function unlessUnyielding(write: Promise<Yielded>): Promise<Yielded | undefined> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof QuotaRefusal) return undefined;
    throw error;
  }
}
