import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type ContentChange, type DatedAuthor, recordContentChanges } from './events.ts';
import { type Query, batches } from './query.ts';
import type { Removal } from './removal.ts';

/**
 * Records one event for each manifest that was deleted or restored, with its tags (several events for a manifest with more than
 * 500 tags), and one for each tag of another manifest.
 */
export function* recordRemoval(
  author: DatedAuthor,
  kind: 'manifest.delete' | 'manifest.restore',
  repository: RepositoryName,
  { manifests, tags }: Removal,
): Query<void> {
  const isDeletion = kind === 'manifest.delete';
  const names = new Map<Digest, string[]>(manifests.map((digest) => [digest, []]));
  const changes: ContentChange[] = [];
  for (const { name, digest } of tags) {
    const own = names.get(digest);
    if (own) own.push(name);
    else changes.push({ kind: isDeletion ? 'tag.delete' : 'tag.restore', repository, digest, tag: name });
  }
  for (const [digest, own] of names) {
    for (const part of own.length > 0 ? batches(own.sort()) : [[]]) {
      // A deletion names only the tags: they pointed at the manifest before.
      const moves = isDeletion ? part : part.map((name) => ({ name, before: null }));
      changes.push({ kind, repository, digest, detail: { tags: moves } });
    }
  }
  yield* recordContentChanges(author, changes);
}

/** The actor of garbage collection in events. */
const collector = 'garbage collection';

/** Records that repositories do not serve blobs any more, because none of their manifests needs them. */
export function* recordUnlinked(
  links: readonly { readonly repository: RepositoryName; readonly digest: Digest }[],
  now: number,
): Query<void> {
  const changes = links.map(({ repository, digest }): ContentChange => ({ kind: 'blob.delete', repository, digest }));
  yield* recordContentChanges({ actor: collector, address: '', at: now }, changes);
}
