import type { SyncTagRecord } from '../../../storage/metadata/queries/sync/tags.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import type { RepositoryPair } from './entry.ts';
import { pairOf } from './select.ts';
import type { RepositorySyncOptions } from './sync-repository.ts';

/** A tag that was copied before, and that the source does not list any more. */
export interface GoneTag {
  readonly pair: RepositoryPair;
  readonly record: SyncTagRecord;
}

const pageSize = 1000;

/** Returns the tags of repositories that were copied before, and that the source does not list any more. */
export async function findGoneRepositories(
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
