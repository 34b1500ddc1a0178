import type { SyncTagRecord } from '../../../storage/metadata/queries/sync/tags.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { UpstreamError, reasonOf } from '../../upstream/upstream-error.ts';
import type { RepositoryPair } from './entry.ts';
import { RunStopped, isStopping } from './failures.ts';
import { pairOf } from './select.ts';
import { type RepositorySyncOptions, createRepositorySync } from './sync-repository.ts';

/** A tag that was copied before, and that the source does not list any more. */
interface GoneTag {
  readonly pair: RepositoryPair;
  readonly record: SyncTagRecord;
}

/** So few deletions need no approval. */
const harmlessDeletions = 10;
/** Percentage of the tags of the entry. */
const mostDeletions = 20;
const pageSize = 1000;

/**
 * Does one run of an entry. Failures of single tags are reported; rejects for what stops the run. Deletes last, and only what a
 * complete listing does not have and the source itself answers 404 for.
 */
export async function runEntry(options: RepositorySyncOptions): Promise<void> {
  const { entry, source, onAction, assertRunning } = options;
  const names = await source.listRepositories();
  if (names.length === 0)
    throw new RunStopped(`the source lists no repository like ${entry.from.text}: nothing is copied or deleted`);
  const repositories = createRepositorySync(options);
  const gone: GoneTag[] = [];
  const listed = new Set<RepositoryName>();
  for (const name of names) {
    const pair = pairOf(entry.from, entry.to, name);
    if (!pair) continue;
    listed.add(pair.to);
    assertRunning();
    try {
      gone.push(...(await repositories.sync(pair)).map((record) => ({ pair, record })));
    } catch (error) {
      if (isStopping(error)) throw error;
      onAction({ action: 'fail', repository: pair.to, reference: '', digest: undefined, reason: reasonOf(error) });
    }
  }
  if (entry.deletions === 'none') return;
  gone.push(...(await findGoneRepositories(options, listed)));
  await checkBrake(options, gone.length);
  for (const one of gone) await deleteGone(options, one);
}

/** Returns the tags of repositories that were copied before, and that the source does not list any more. */
async function findGoneRepositories(
  { entry, metadata }: RepositorySyncOptions,
  listed: ReadonlySet<RepositoryName>,
): Promise<readonly GoneTag[]> {
  const gone: GoneTag[] = [];
  for (let after = ''; ;) {
    const names = await metadata.syncTags.listRepositories(entry.name, after, pageSize);
    for (const to of names.filter((name) => !listed.has(name))) {
      // The same map, backwards.
      const pair = pairOf(entry.to, entry.from, to);
      if (pair) gone.push(...(await listGoneTags(entry.name, { from: pair.to, to }, metadata)));
    }
    after = names.at(-1) ?? '';
    if (names.length < pageSize) return gone;
  }
}

async function listGoneTags(
  entry: string,
  pair: RepositoryPair,
  { syncTags }: RepositorySyncOptions['metadata'],
): Promise<readonly GoneTag[]> {
  const gone: GoneTag[] = [];
  for (let after = ''; ;) {
    const records = await syncTags.list(entry, pair.to, after, pageSize);
    gone.push(...records.filter(({ target }) => target !== null).map((record) => ({ pair, record })));
    after = records.at(-1)?.tag ?? '';
    if (records.length < pageSize) return gone;
  }
}

async function checkBrake({ entry, metadata, mode }: RepositorySyncOptions, deletions: number): Promise<void> {
  if (mode.allowsDeletions || deletions <= harmlessDeletions) return;
  const tags = await metadata.syncTags.count(entry.name);
  if (deletions * 100 <= tags * mostDeletions) return;
  throw new RunStopped(
    `${deletions} of ${tags} tags would be deleted, more than ${mostDeletions} %: nothing is deleted; ` +
      `look with berth sync ${entry.name} --dry-run, allow it with berth sync ${entry.name} --allow-deletions`,
  );
}

/** Deletes the tag at the target if it is as it was copied, and the source says that it has no such tag. */
async function deleteGone(options: RepositorySyncOptions, { pair, record }: GoneTag): Promise<void> {
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
