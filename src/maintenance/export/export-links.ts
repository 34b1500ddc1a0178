import { layersPrefix, linksMarker, repositoriesPrefix, revisionsPrefix } from '../../../storage/blobs/distribution-links.ts';
import { currentLink, layerLink, revisionLink, tagsPrefix } from '../../../storage/blobs/distribution-links.ts';
import type { BlobDriver, ObjectKey } from '../../../storage/blobs/driver.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createSemaphore } from '../../coordination/semaphore.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { type RepositoryLinks, createRepositoryLinks, readLink, settled } from './repository-links.ts';

/** Results of the comparison of one repository, and of its repair. */
export interface RepositoryReport {
  readonly repository: RepositoryName;
  /** Blobs, manifests and tags of the repository. */
  readonly blobs: number;
  readonly manifests: number;
  readonly tags: number;
  /** Links that were not there. */
  readonly missing: number;
  /** Links to something else, or without a digest. */
  readonly wrong: number;
  /** Links of what the repository does not have. */
  readonly extra: number;
  readonly written: number;
  readonly deleted: number;
}

export interface ExportOptions {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'distribution' | 'repositories'>;
  /** Compares only. */
  readonly isDry: boolean;
  /** Deletes links of what the repository does not have. */
  readonly prune: boolean;
  readonly onRepository: (report: RepositoryReport) => void;
}

/** Links in the store that berth has not written: the registry that they belong to may be running. */
export class ForeignLinks extends Error {
  override readonly name = 'ForeignLinks';
}

const pageSize = 500;
const maxAtOnce = 16;

type Counts = { -readonly [Name in keyof Omit<RepositoryReport, 'repository'>]: number };

/**
 * Compares the links of Distribution's layout with the metadata store, and writes those that are missing or wrong. Can run beside
 * servers, and again after it broke off. Mirrored repositories have no links. Rejects `ForeignLinks`.
 */
export async function exportLinks(options: ExportOptions): Promise<void> {
  const { driver, metadata, onRepository } = options;
  await refuseForeignLinks(driver);
  for await (const repository of paged((after, limit) => metadata.repositories.list(after, limit), String)) {
    onRepository({ repository, ...(await exportRepository(repository, options)) });
  }
}

async function refuseForeignLinks(driver: BlobDriver): Promise<void> {
  if (await unlessMissing(driver.stat(linksMarker))) return;
  for await (const key of driver.list(repositoriesPrefix)) {
    throw new ForeignLinks(
      `the store has links that berth has not written, such as ${key}: they may belong to a running registry`,
    );
  }
}

async function exportRepository(repository: RepositoryName, options: ExportOptions): Promise<Counts> {
  const { driver, metadata, isDry, prune } = options;
  const { distribution } = metadata;
  const counts: Counts = { blobs: 0, manifests: 0, tags: 0, missing: 0, wrong: 0, extra: 0, written: 0, deleted: 0 };
  const blobs: LinkSet = {
    recorded: () => paged((after, limit) => distribution.listBlobs(repository, after as Digest, limit), String),
    prefix: layersPrefix(repository),
    keyOf: (digest) => layerLink(repository, digest),
  };
  const manifests: LinkSet = {
    recorded: () => paged((after, limit) => distribution.listManifests(repository, after as Digest, limit), String),
    prefix: revisionsPrefix(repository),
    keyOf: (digest) => revisionLink(repository, digest),
  };
  const change = (change: (links: RepositoryLinks, item: string) => Promise<void>) => async (items: readonly string[]) => {
    if (isDry) return;
    const links = createRepositoryLinks({ driver, metadata, assertHeld: () => undefined, areLayersWritten: true });
    const limited = createSemaphore({ maxAtOnce, maxWaiting: items.length });
    await settled(items.map((item) => limited(() => change(links, item))));
    counts.written += links.counts.written;
    counts.deleted += links.counts.deleted;
  };
  const writeBlobs = change((links, digest) => links.writeBlob(repository, digest as Digest));
  const writeManifests = change((links, digest) => links.writeManifest(repository, digest as Digest));
  const settleTags = change((links, tag) => links.settleTag(repository, tag));

  // What a link leads to is written before it, and deleted after it.
  counts.blobs = await inPages(differences(driver, blobs, counts), writeBlobs);
  counts.manifests = await inPages(differences(driver, manifests, counts), writeManifests);
  counts.tags = await inPages(tagDifferences(driver, repository, distribution, counts), settleTags);
  const keep = () => Promise.resolve();
  const remove = (work: (links: RepositoryLinks, item: string) => Promise<void>) => (prune ? change(work) : keep);
  await inPages(extraTags(driver, repository, distribution, counts), prune ? settleTags : keep);
  for (const [set, work] of [
    [manifests, (links: RepositoryLinks, digest: string) => links.removeManifest(repository, digest as Digest)],
    [blobs, (links: RepositoryLinks, digest: string) => links.removeBlob(repository, digest as Digest)],
  ] as const) {
    await inPages(extras(driver, set, counts), remove(work));
  }
  return counts;
}

/** Links of one kind in a repository. */
interface LinkSet {
  recorded(): AsyncIterable<Digest>;
  readonly prefix: string;
  keyOf(digest: Digest): ObjectKey;
}

type Side = 'missing' | 'extra' | 'both';

/** Merges what the metadata store and the blob store have: both ascend. */
async function* compare(driver: BlobDriver, { recorded, prefix }: LinkSet): AsyncGenerator<[Digest, Side]> {
  const stored = digestsBelow(driver, prefix);
  let link = await stored.next();
  for await (const digest of recorded()) {
    for (; !link.done && link.value < digest; link = await stored.next()) yield [link.value, 'extra'];
    const isThere = !link.done && link.value === digest;
    if (isThere) link = await stored.next();
    yield [digest, isThere ? 'both' : 'missing'];
  }
  for (; !link.done; link = await stored.next()) yield [link.value, 'extra'];
}

async function* digestsBelow(driver: BlobDriver, prefix: string): AsyncGenerator<Digest, undefined> {
  for await (const key of driver.list(prefix)) {
    const [, algorithm, hex] = /^(sha\d+)\/([0-9a-f]+)\/link$/.exec(key.slice(prefix.length)) ?? [];
    if (algorithm !== undefined && hex !== undefined) yield `${algorithm}:${hex}` as Digest;
  }
  return undefined;
}

/** Yields undefined for a link that is right. */
type Found = string | undefined;

async function* differences(driver: BlobDriver, set: LinkSet, counts: Counts): AsyncGenerator<Found> {
  for await (const [digest, side] of compare(driver, set)) {
    if (side === 'extra') continue;
    const isWrong = side === 'both' && !driver.capabilities.remote && (await isDamaged(driver, set.keyOf(digest), digest));
    if (side === 'missing') counts.missing++;
    else if (isWrong) counts.wrong++;
    yield side === 'missing' || isWrong ? digest : undefined;
  }
}

/**
 * True if the link does not have the size of its digest: a power loss may leave an empty file. Other stores keep whole
 * objects.
 */
async function isDamaged(driver: BlobDriver, key: ObjectKey, digest: string): Promise<boolean> {
  return (await unlessMissing(driver.stat(key)))?.sizeBytes !== digest.length;
}

async function* extras(driver: BlobDriver, set: LinkSet, counts: Counts): AsyncGenerator<Found> {
  for await (const [digest, side] of compare(driver, set)) {
    if (side !== 'extra') continue;
    counts.extra++;
    yield digest;
  }
}

type Distribution = MetadataStore['distribution'];

async function* tagDifferences(
  driver: BlobDriver,
  repository: RepositoryName,
  distribution: Distribution,
  counts: Counts,
): AsyncGenerator<Found> {
  const tags = paged(
    (after, limit) => distribution.listTags(repository, after, limit),
    ({ name }) => name,
  );
  for await (const { name, digest } of tags) {
    const found = await readLink(driver, currentLink(repository, name));
    if (found === undefined) counts.missing++;
    else if (found !== digest) counts.wrong++;
    yield found === digest ? undefined : name;
  }
}

/** Yields each tag that has links and is not in the repository. */
async function* extraTags(
  driver: BlobDriver,
  repository: RepositoryName,
  distribution: Distribution,
  counts: Counts,
): AsyncGenerator<Found> {
  const prefix = tagsPrefix(repository);
  let last: string | undefined;
  for await (const key of driver.list(prefix)) {
    const tag = key.slice(prefix.length).split('/', 1)[0] ?? '';
    if (tag === last) continue;
    last = tag;
    if ((await distribution.findTag(repository, tag)) !== undefined) continue;
    counts.extra++;
    yield tag;
  }
}

/** Calls `work` with pages of what was found. Resolves to the number of all items, also of those that are right. */
async function inPages(found: AsyncIterable<Found>, work: (page: readonly string[]) => Promise<void>): Promise<number> {
  let count = 0;
  let page: string[] = [];
  for await (const item of found) {
    count++;
    if (item === undefined || page.push(item) < pageSize) continue;
    await work(page);
    page = [];
  }
  if (page.length > 0) await work(page);
  return count;
}

/** Reads a listing to its end, page by page. */
async function* paged<Item>(
  read: (after: string, limit: number) => Promise<readonly Item[]>,
  key: (item: Item) => string,
): AsyncGenerator<Item> {
  for (let after = ''; ;) {
    const page = await read(after, pageSize);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = key(last);
  }
}
