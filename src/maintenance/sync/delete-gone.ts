import { UpstreamError, reasonOf } from '../../upstream/upstream-error.ts';
import { RunStopped, isStopping } from './failures.ts';
import type { GoneTag } from './gone-tags.ts';
import type { RepositorySyncOptions } from './sync-repository.ts';

/** So few deletions need no approval. */
const harmlessDeletions = 10;

/** Percentage of the tags of the entry. */
const mostDeletions = 20;

/** Throws `RunStopped` if a run would delete more than a fifth of the tags, unless it is allowed to. */
export async function checkBrake({ entry, metadata, mode }: RepositorySyncOptions, deletions: number): Promise<void> {
  if (mode.allowsDeletions || deletions <= harmlessDeletions) return;
  const tags = await metadata.syncTags.count(entry.name);
  if (deletions * 100 <= tags * mostDeletions) return;
  throw new RunStopped(
    `${deletions} of ${tags} tags would be deleted, more than ${mostDeletions} %: nothing is deleted; ` +
      `look with berth sync ${entry.name} --dry-run, allow it with berth sync ${entry.name} --allow-deletions`,
  );
}

/** Deletes the tag at the target if it is as it was copied, and the source says that it has no such tag. */
export async function deleteGone(options: RepositorySyncOptions, { pair, record }: GoneTag): Promise<void> {
  const { entry, source, target, metadata, mode, progress, onAction, assertRunning } = options;
  const { tag } = record;
  assertRunning();
  try {
    if ((await source.findTag(pair.from, tag)) !== undefined) return;
    const current = await target.findTag(pair.to, tag);
    const isUnchanged = current !== undefined && current === record.target && record.differsSince === null;
    if (isUnchanged) {
      onAction({ action: 'delete', repository: pair.to, reference: tag, digest: current, reason: 'the source has deleted it' });
      if (mode.isDryRun) return;
      await target.deleteTag(pair.to, tag, current);
      progress.tagDeleted();
    }
    if (!mode.isDryRun) await metadata.syncTags.remove(entry.name, pair.to, tag);
  } catch (error) {
    if (isStopping(error)) throw error;
    const isHidden = error instanceof UpstreamError && error.code === 'denied';
    const reason = isHidden ? `the source does not say whether it has it: ${error.message}` : reasonOf(error);
    onAction({ action: 'fail', repository: pair.to, reference: tag, digest: undefined, reason });
  }
}
