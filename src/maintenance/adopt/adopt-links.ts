import { blobKey } from '../../../storage/blobs/layout.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type {
  AdoptedLayer,
  AdoptedManifest,
  AdoptedTag,
  LinkPage,
  ReadLink,
  RemovedLink,
} from '../../../storage/metadata/queries/adoption/content.ts';
import type { StoredBlob } from '../../../storage/metadata/queries/adoption/blobs.ts';
import type { Digest } from '../../oci/digest.ts';
import type { AdoptParts, AdoptedUpstream } from './parts.ts';
import { type Merged, inArrays, inPages, merge, takeBefore } from './merge.ts';
import type { Oddity, OddityKind } from './oddities.ts';
import { type DigestLink, type LinkEntry, type TagLink, classify, isDamaged, readLinks, readTarget } from './read-links.ts';
import { readManifest } from './read-manifest.ts';
import type { Shard } from './shards.ts';

type MergedLink = Merged<LinkEntry, ReadLink>;

/** Records layers, manifests and tags of a shard after the path `position`. Reads links that have changed since the last run. */
export async function adoptLinks(parts: AdoptParts, shard: Shard, position: string): Promise<void> {
  const { driver, metadata, pageSize, onPage, now, upstream } = parts;
  const startAfter = position || shard.from;
  const found = takeBefore(readLinks(driver, shard.prefix, { startAfter, localNameOf: upstream?.localNameOf }), shard.before);
  const read = (after: string) => metadata.adoptionLinks.list(after, shard.before, pageSize);
  const known = inPages(startAfter, read, ({ path }) => path);
  for await (const page of inArrays(merge(found, known), pageSize)) {
    const isDone = page.length < pageSize;
    const gone = page.filter(isGone);
    if (gone.length > 0) {
      const removed = gone.flatMap((link) => toRemoved(link, upstream));
      const paths = gone.map(({ path }) => path);
      await metadata.adoptionLinks.remove(removed, paths, { now: now(), upstream: upstream?.name ?? null });
    }
    const position = isDone ? shard.before : (page.at(-1)?.path ?? startAfter);
    const content = await evaluate(parts, page);
    const store = upstream ? metadata.adoptionLinks.storeMirrored : metadata.adoptionLinks.store;
    await store({ ...content, upstream: upstream?.name ?? null, shard: shard.name, position, isDone });
    onPage(page.length);
  }
}

/** True if a link that was read is not in the store any more, or only the fact that it is missing. */
function isGone({ found, known }: MergedLink): boolean {
  return known !== undefined && (!found || (found.kind === 'oddity' && known.digest !== null));
}

/** Returns what a link that is gone said; nothing if nothing was adopted. */
function toRemoved({ path, known }: MergedLink, upstream: AdoptedUpstream | undefined): readonly RemovedLink[] {
  const link = classify({ path, kind: 'object', sizeBytes: 0, modifiedAt: new Date(0) }, upstream?.localNameOf);
  if (!known || known.digest === null || link.kind === 'oddity' || link.kind === 'former') return [];
  const { repository } = link;
  const { modifiedAt, digest } = known;
  return link.kind === 'tag'
    ? [{ path, repository, modifiedAt, kind: 'tag', tag: link.tag, digest }]
    : [{ path, repository, modifiedAt, kind: link.kind, digest }];
}

type Content = Omit<LinkPage, 'upstream' | 'shard' | 'position' | 'isDone'>;

/** What a page adds, while it is made. */
interface Draft {
  readonly blobs: StoredBlob[];
  readonly layers: AdoptedLayer[];
  readonly manifests: AdoptedManifest[];
  readonly tags: AdoptedTag[];
  readonly links: ReadLink[];
  readonly oddities: Oddity[];
}

async function evaluate(parts: AdoptParts, page: readonly MergedLink[]): Promise<Content> {
  const draft: Draft = { blobs: [], layers: [], manifests: [], tags: [], links: [], oddities: [] };
  const unchanged = { layer: 0, revision: 0, tag: 0 };
  const layers: DigestLink[] = [];
  const revisions: DigestLink[] = [];
  const tags: { readonly link: TagLink; readonly before: Digest | null }[] = [];
  for (const { path, found, known } of page) {
    if (!found || found.kind === 'former') continue;
    if (found.kind === 'oddity') {
      draft.links.push({ path, modifiedAt: 0, sizeBytes: 0, digest: null });
      draft.oddities.push(found.oddity);
    } else if (known?.modifiedAt === found.modifiedAt && known.sizeBytes === found.sizeBytes && known.digest !== null)
      unchanged[found.kind]++;
    else if (found.kind === 'tag') tags.push({ link: found, before: known?.digest ?? null });
    else (found.kind === 'layer' ? layers : revisions).push(found);
  }
  await addLayers(parts, layers, draft);
  await Promise.all(revisions.map((link) => parts.limited(() => addManifest(parts, link, draft))));
  await Promise.all(tags.map(({ link, before }) => parts.limited(() => addTag(parts, link, before, draft))));
  const counts = {
    blobs: 0,
    bytes: 0,
    layers: unchanged.layer + draft.layers.length,
    manifests: unchanged.revision + draft.manifests.length,
    // Those of the page are counted when they are recorded.
    tags: unchanged.tag,
  };
  return { ...draft, counts };
}

const toRead = ({ path, modifiedAt, sizeBytes }: DigestLink, digest: Digest | null): ReadLink => ({
  path,
  modifiedAt,
  sizeBytes,
  digest,
});

/** A blob of this page that no run has seen came after the listing of the blobs, or is missing. */
async function addLayers(parts: AdoptParts, links: readonly DigestLink[], draft: Draft): Promise<void> {
  const known = await parts.metadata.adoptionBlobs.listKnown(links.map(({ digest }) => digest));
  const sizes = new Map(known.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  for (const link of links) {
    const { path, repository, digest, modifiedAt } = link;
    const sizeBytes = sizes.get(digest) ?? (await addBlob(parts, digest, draft));
    if (sizeBytes === undefined) draft.oddities.push({ path, kind: 'missing-blob', detail: '' });
    else draft.layers.push({ repository, digest, sizeBytes, modifiedAt, path });
    draft.links.push(toRead(link, sizeBytes === undefined ? null : digest));
    await addDamage(parts, link, draft);
  }
}

/**
 * Adds a blob if the store has it. An empty file is none: a server has stopped while it wrote. Resolves to the size in bytes;
 * undefined if there is no blob.
 */
async function addBlob({ driver }: AdoptParts, digest: Digest, draft: Draft): Promise<number | undefined> {
  const stat = await unlessMissing(driver.stat(blobKey(digest)));
  if (!stat || stat.sizeBytes === 0) return undefined;
  draft.blobs.push({ digest, sizeBytes: stat.sizeBytes, modifiedAt: stat.modifiedAt.getTime() });
  return stat.sizeBytes;
}

/** Says what is wrong with a link whose size is wrong. Its path names the digest, so that berth does not need the link itself. */
async function addDamage({ driver }: AdoptParts, link: DigestLink, draft: Draft): Promise<void> {
  if (!isDamaged(link)) return;
  const kind: OddityKind = (await readTarget(driver, link.path))?.oddity ?? 'damaged-link';
  draft.oddities.push({ path: link.path, kind, detail: '' });
}

async function addManifest(parts: AdoptParts, link: DigestLink, draft: Draft): Promise<void> {
  const { driver, metadata, maxManifestBytes } = parts;
  const { path, repository, digest, modifiedAt } = link;
  const { manifest, oddities } = await readManifest(driver, digest, maxManifestBytes);
  draft.oddities.push(...oddities.map((oddity) => ({ path, ...oddity })));
  draft.links.push(toRead(link, manifest ? digest : null));
  await addDamage(parts, link, draft);
  if (!manifest) return;
  const { blobs, children, ...facts } = manifest;
  draft.blobs.push({ digest, sizeBytes: manifest.sizeBytes, modifiedAt });
  draft.manifests.push({ repository, modifiedAt, path, ...facts });
  const expected = [...blobs, ...children];
  const known = await metadata.adoptionBlobs.listKnown(expected.map(({ digest }) => digest));
  const sizes = new Map(known.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  const wrong = expected.filter(({ digest, sizeBytes }) => (sizes.get(digest) ?? sizeBytes) !== sizeBytes);
  if (wrong.length > 0) draft.oddities.push({ path, kind: 'wrong-size', detail: wrong.map(({ digest }) => digest).join(' ') });
}

async function addTag(parts: AdoptParts, link: TagLink, before: Digest | null, draft: Draft): Promise<void> {
  const { path, repository, tag, modifiedAt, sizeBytes } = link;
  const target = await readTarget(parts.driver, path);
  if (target?.digest) draft.tags.push({ repository, tag, digest: target.digest, modifiedAt, before, path, sizeBytes });
  else draft.links.push({ path, modifiedAt, sizeBytes, digest: null });
  if (target?.oddity) draft.oddities.push({ path, kind: target.oddity, detail: '' });
}
