import { type Counted, type Deletions, type DeletionsOptions, createDeletions, deletableKinds } from './deletions.ts';
import { type Holds, createHolds } from './holds.ts';
import { noImmutableTags } from './immutable-tags.ts';
import { type TagHistory, type TagHistoryOptions, createTagHistory } from './tag-history.ts';
import { type Trash, createTrash } from './trash.ts';
import { type Why, createWhy } from './why.ts';

/** Deletion, and what protects from it. They need no blob store: commands use them beside a running server. */
export interface DeletionServices {
  readonly deletions: Deletions;
  readonly trash: Trash;
  readonly holds: Holds;
  readonly tagHistory: TagHistory;
  readonly why: Why;
}

export interface DeletionServicesOptions extends Omit<TagHistoryOptions, 'immutable'> {
  /** Default: none. */
  readonly immutable?: TagHistoryOptions['immutable'] | undefined;
  /** What clients may delete, and how long deleted manifests can be restored. Default: everything, and for 7 days. */
  readonly deletion?: Pick<DeletionsOptions, 'kinds' | 'windowSeconds'> | undefined;
  /** Counts manifests, for metrics. */
  readonly counted?: Counted | undefined;
}

const defaultDeletion = { kinds: deletableKinds, windowSeconds: 7 * 24 * 3600 };

export function createDeletionServices(options: DeletionServicesOptions): DeletionServices {
  const { immutable = noImmutableTags, deletion = defaultDeletion } = options;
  const deletions = createDeletions({ ...options, ...deletion, immutable });
  return {
    deletions,
    trash: createTrash(options),
    holds: createHolds(options),
    tagHistory: createTagHistory({ ...options, immutable }),
    why: createWhy({ ...options, deletions }),
  };
}
