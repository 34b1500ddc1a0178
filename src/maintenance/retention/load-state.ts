import type { RetainedManifest, RetainedRepository } from '../../../storage/metadata/queries/retention/content.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';
import { matches } from '../../oci/patterns/repository-pattern.ts';
import type { ImageTimes } from './image-times.ts';
import type { ImageState, RepositoryState, TagState, UntaggedState } from './repository-state.ts';
import type { Condition, RetentionRules, Rule } from './rules.ts';

export interface StateSources {
  readonly metadata: Pick<MetadataStore, 'pulls' | 'retentionContent'>;
  readonly imageTimes: ImageTimes;
  readonly rules: RetentionRules;
}

const pageSize = 1000;

/** Images whose configurations are read at a time. */
const concurrentReads = 8;

/**
 * Reads the state of a repository, page by page: it may mix moments. Whoever acts on a decision compares the tag in the same
 * write. Reads only what the rules of the repository use.
 */
export async function loadState(sources: StateSources, repository: RetainedRepository, now: number): Promise<RepositoryState> {
  const { metadata, imageTimes, rules } = sources;
  const { repositoryId, repository: name } = repository;
  const matching = rules.rules.filter(({ match }) => match.some(({ repositories }) => matches(repositories, name)));
  const usesCreated = matching.some(({ keep }) => keep.flat().some(dependsOnCreated));
  const toImage = async (manifest: RetainedManifest): Promise<ImageState & { readonly pushedAt: number }> => ({
    digest: manifest.digest,
    pushedAt: manifest.pushedAt,
    createdAt: usesCreated ? await imageTimes.createdAt(manifest) : undefined,
    pulledAt: manifest.pulledAt ?? undefined,
    hold: manifest.holdReason === null ? undefined : { reason: manifest.holdReason, until: manifest.holdUntil ?? undefined },
  });
  const tags = await readPages(
    (last: { readonly tag: string } | undefined) => metadata.retentionContent.listTags(repositoryId, last?.tag ?? '', pageSize),
    async (row): Promise<TagState> => ({ ...(await toImage(row)), tag: row.tag }),
  );
  const untagged = matching.some(selectsUntagged)
    ? await loadUntagged(metadata, repositoryId, async (row) => ({ ...(await toImage(row)) }))
    : [];
  return { name, tags, untagged, pullsRecordedSince: (await metadata.pulls.findStart()) ?? now };
}

function dependsOnCreated(condition: Condition): boolean {
  return condition.kind === 'within' ? condition.of === 'created' : condition.by === 'created';
}

function selectsUntagged({ match }: Rule): boolean {
  return match.some(({ tags, isExclusion }) => tags.kind === 'untagged' && !isExclusion);
}

/** Reads manifests without a tag. A manifest counts as pushed when it lost its last tag. */
async function loadUntagged(
  metadata: StateSources['metadata'],
  repositoryId: number,
  toImage: (row: RetainedManifest) => Promise<UntaggedState>,
): Promise<readonly UntaggedState[]> {
  const { retentionContent } = metadata;
  const rows = await readPages(
    (last: { readonly digest: Digest } | undefined) =>
      retentionContent.listManifests(repositoryId, last?.digest ?? ('' as Digest), pageSize),
    async (row) => (row.isAttached ? undefined : toImage(row)),
  );
  const images = rows.filter((row) => row !== undefined);
  if (images.length === 0) return images;
  const left = new Map<string, number>();
  await readPages(
    (last: { readonly tag: string; readonly id: number } | undefined) =>
      retentionContent.listDepartures(repositoryId, last ?? { tag: '', id: 0 }, pageSize),
    ({ digest, at }) => Promise.resolve(left.set(digest, Math.max(at, left.get(digest) ?? 0))),
  );
  return images.map((image) => ({ ...image, pushedAt: Math.max(image.pushedAt, left.get(image.digest) ?? 0) }));
}

/** Reads a listing to its end. `convert` runs for some rows at a time. */
async function readPages<Row, Item>(
  readPage: (last: Row | undefined) => Promise<readonly Row[]>,
  convert: (row: Row) => Promise<Item>,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let last: Row | undefined; ;) {
    const page = await readPage(last);
    for (let start = 0; start < page.length; start += concurrentReads)
      items.push(...(await Promise.all(page.slice(start, start + concurrentReads).map(convert))));
    if (page.length < pageSize) return items;
    last = page.at(-1);
  }
}
