import type { RepositoryName } from '../../oci/reference.ts';
import { reasonOf } from '../../upstream/upstream-error.ts';
import { checkBrake, deleteGone } from './delete-gone.ts';
import { RunStopped, isStopping } from './failures.ts';
import { type GoneTag, findGoneRepositories } from './gone-tags.ts';
import { pairOf } from './select.ts';
import { type RepositorySyncOptions, createRepositorySync } from './sync-repository.ts';

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
