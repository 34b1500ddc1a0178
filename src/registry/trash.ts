import type { Restoration, RestorationResult } from '../../storage/metadata/queries/trash/restorations.ts';
import type { TagRecord } from '../../storage/metadata/queries/steps/removal.ts';
import type { TrashEntry } from '../../storage/metadata/queries/trash/entries.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { OciError } from '../oci/errors.ts';
import { type RepositoryName, parseTag } from '../oci/reference.ts';
import { type Author, dated } from './author.ts';
import type { Counted } from './deletions.ts';
import { type Admission, noQuotas } from './quotas/admission.ts';

/** An entry of the trash, with its first tags. */
export interface ShownTrashEntry extends TrashEntry {
  readonly tags: readonly string[];
}

export interface RestoreOptions {
  /** Other names for tags of the entry. */
  readonly renames?: Readonly<Record<string, string>> | undefined;
  readonly author?: Author | undefined;
}

export interface Restored {
  readonly manifests: number;
  readonly tags: readonly TagRecord[];
  /** Tags of the entry that could not be restored, because their manifest is gone. */
  readonly left: readonly TagRecord[];
}

/** Selects the entries that `empty` deletes: of one repository or of all, and of those only `ids`. */
export interface EmptySelection {
  readonly repository?: RepositoryName | undefined;
  readonly ids?: readonly number[] | undefined;
}

export interface Emptied {
  readonly entries: readonly TrashEntry[];
  /** Ids that were asked for and are not in the trash: restored, purged, or of another repository. */
  readonly unknown: readonly number[];
}

/** Deleted manifests that can be restored. */
export interface Trash {
  /** Entries before the id `before` (exclusive), newest first; of one repository, of several, or of all (undefined). */
  list(
    repository: RepositoryName | readonly RepositoryName[] | undefined,
    before: number,
    limit: number,
  ): Promise<readonly ShownTrashEntry[]>;
  /**
   * Restores an entry whole. Throws MANIFEST_UNKNOWN where there is no such entry; DENIED (409), and changes nothing, if one of
   * its tags points at another manifest now, or blobs are missing; `QuotaExceeded` for a quota of tags.
   */
  restore(repository: RepositoryName, entryId: number, options?: RestoreOptions): Promise<Restored>;
  /** Returns what `empty` would delete, and writes nothing. */
  planEmpty(selection: EmptySelection): Promise<Emptied>;
  /** Deletes entries for good. Their blobs are 404 once it resolves, unless other manifests need them. */
  empty(selection: EmptySelection, author?: Author): Promise<Emptied>;
  /** Deletes entries whose window has ended, in short steps. Writes nothing where there are none. */
  purgeDue(): Promise<void>;
  /** Deletes holds that have ended, and moves of tags older than 400 days, in short steps. */
  tidy(): Promise<void>;
}

export interface TrashOptions {
  readonly metadata: MetadataStore;
  readonly now: () => number;
  /** Restore manifests whose blobs are not there. */
  readonly acceptMissing: boolean;
  /** Called after each change of content. */
  readonly changed?: (() => void) | undefined;
  readonly counted?: Counted | undefined;
  /** Default: no quotas. */
  readonly admission?: Admission | undefined;
}

/** Few enough for a write of a few milliseconds, if each manifest references some ten blobs. */
const purgedAtOnce = 20;
const prunedAtOnce = 500;
const shownTags = 20;
const historyMilliseconds = 400 * 24 * 3600 * 1000;
/** Ended holds stay for a while: a clock that is set back finds them again. */
const endedHoldMilliseconds = 24 * 3600 * 1000;

export function createTrash(options: TrashOptions): Trash {
  const { metadata, now, acceptMissing, changed, counted, admission = noQuotas } = options;

  async function purgeDue(): Promise<void> {
    while (await metadata.trash.isDue(now())) {
      const purged = await metadata.trash.purge(now(), purgedAtOnce);
      counted?.('purged', purged ?? 0);
    }
  }

  async function select({ repository, ids }: EmptySelection): Promise<Emptied> {
    const entries = await metadata.trash.listSelected(repository, ids, now());
    return { entries, unknown: missingIds(ids, entries) };
  }

  return {
    async list(repository, before, limit) {
      const entries = await metadata.trash.list(repository, before, limit, now());
      const ids = entries.map(({ id }) => id);
      const tags = ids.length === 0 ? undefined : await metadata.trash.listFirstTags(ids, shownTags);
      return entries.map((entry) => ({ ...entry, tags: tags?.get(entry.id) ?? [] }));
    },

    async restore(repository, entryId, { renames = {}, author } = {}) {
      requireTags(Object.values(renames));
      const restoration: Restoration = {
        repository,
        entryId,
        renames,
        movedTags: 'refuse',
        acceptMissing,
        isLimited: admission.isLimited,
        author: dated(author, now()),
      };
      const result = await admission.admit(repository, () => metadata.restorations.put(restoration), author);
      if (result.outcome !== 'restored') throw refusalOf(result, repository, entryId);
      changed?.();
      counted?.('restored', result.manifests);
      return result;
    },

    planEmpty: select,

    async empty(selection, author) {
      const { repository, ids } = selection;
      const entries = await metadata.trash.expire(repository, ids, dated(author, now()));
      changed?.();
      await purgeDue();
      return { entries, unknown: missingIds(ids, entries) };
    },

    purgeDue,

    async tidy() {
      await metadata.holds.prune(now() - endedHoldMilliseconds);
      while ((await metadata.tagHistory.prune(now() - historyMilliseconds, prunedAtOnce)) === prunedAtOnce);
    },
  };
}

function missingIds(ids: readonly number[] | undefined, entries: readonly TrashEntry[]): readonly number[] {
  const found = new Set(entries.map(({ id }) => id));
  return (ids ?? []).filter((id) => !found.has(id));
}

function requireTags(names: readonly string[]): void {
  const wrong = names.find((name) => !parseTag(name));
  if (wrong !== undefined) throw new OciError('UNSUPPORTED', { status: 400, message: `${wrong} is not a tag` });
}

type FailedRestoration = Exclude<RestorationResult, { readonly outcome: 'restored' }>;

function refusalOf(result: FailedRestoration, repository: RepositoryName, entryId: number): OciError {
  if (result.outcome === 'unknown') return unknownEntry(repository, entryId);
  if (result.outcome === 'missing') {
    const message = `blobs of entry ${entryId} were deleted: push them again first: ${result.digests.slice(0, 10).join(', ')}`;
    return new OciError('DENIED', { status: 409, message, detail: { digests: result.digests } });
  }
  const tags = result.tags.map(({ name, digest }) => `${name} (${digest})`).slice(0, 10);
  const message = `tags of entry ${entryId} point at other manifests now: ${tags.join(', ')}; restore them under other names`;
  return new OciError('DENIED', { status: 409, message, detail: { tags: result.tags } });
}

export function unknownEntry(repository: RepositoryName, entryId: number): OciError {
  return new OciError('MANIFEST_UNKNOWN', { message: `the trash of ${repository} has no entry ${entryId}` });
}
