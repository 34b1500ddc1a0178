import type { StoredEntry } from '../../../storage/blobs/driver.ts';
import { blobKey, blobsPrefix } from '../../../storage/blobs/layout.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { KnownBlob, StoredBlob } from '../../../storage/metadata/queries/adoption/blobs.ts';
import { type Digest, digestOf, parseDigest } from '../../oci/digest.ts';
import type { AdoptParts } from './parts.ts';
import { type Merged, inArrays, inPages, merge, takeBefore } from './merge.ts';
import type { Oddity } from './oddities.ts';
import type { Shard } from './shards.ts';

/** Records the blobs of a shard by name and size, after the path `position`. `verify` reads their bytes. */
export async function adoptBlobs(parts: AdoptParts, shard: Shard, position: string): Promise<void> {
  const { driver, metadata, pageSize, onPage } = parts;
  const startAfter = position || shard.from;
  const found = takeBefore(driver.listEntries(shard.prefix, { startAfter }), shard.before);
  let after = startAfter;
  for await (const page of inArrays(merge(found, knownBlobs(parts, shard, startAfter)), pageSize)) {
    const isDone = page.length < pageSize;
    const { blobs, oddities } = await evaluate(parts, page);
    const bytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const counts = { blobs: blobs.length, bytes, layers: 0, manifests: 0, tags: 0 };
    const last = isDone ? shard.before : (page.at(-1)?.path ?? after);
    await metadata.adoptionBlobs.store({ shard: shard.name, position: last, isDone, counts, after, blobs, oddities });
    onPage(page.length);
    after = last;
  }
}

interface KnownPath extends KnownBlob {
  readonly path: string;
}

async function* knownBlobs(
  { metadata, pageSize }: AdoptParts,
  shard: Shard,
  startAfter: string,
): AsyncGenerator<KnownPath, undefined> {
  const before = toDigestBound(shard.before);
  const read = (after: string) => metadata.adoptionBlobs.list(after, before, pageSize);
  for await (const blob of inPages(toDigestBound(startAfter), read, ({ digest }) => digest))
    yield { ...blob, path: blobKey(blob.digest) };
  return undefined;
}

/** Digests ascend as their paths do: returns a text between the same digests as the path is. */
function toDigestBound(path: string): string {
  const [algorithm = '', folder = '', hex] = path.slice(blobsPrefix.length).split('/');
  return `${algorithm}:${hex ?? folder}`;
}

async function evaluate({ driver }: AdoptParts, page: readonly Merged<StoredEntry, KnownPath>[]) {
  const blobs: StoredBlob[] = [];
  const oddities: Oddity[] = [];
  for (const { path, found, known } of page) {
    const digest = found?.kind === 'object' ? digestAt(path) : undefined;
    if (found && digest) {
      const modifiedAt = found.modifiedAt.getTime();
      if (found.sizeBytes === 0 && !isEmptyContent(digest)) oddities.push({ path, kind: 'damaged-blob', detail: 'it is empty' });
      else blobs.push({ digest, sizeBytes: found.sizeBytes, modifiedAt });
    } else if (found) oddities.push({ path, kind: kindOfForeign(found), detail: '' });
    // A push may have come since the listing.
    else if (known && !(await unlessMissing(driver.stat(blobKey(known.digest)))))
      oddities.push({ path, kind: 'missing-blob', detail: '' });
  }
  return { blobs, oddities };
}

/** Returns the digest of the blob whose bytes are at the path. */
function digestAt(path: string): Digest | undefined {
  const [, algorithm = '', hex = ''] = /^([a-z0-9]+)\/[0-9a-f]{2}\/([0-9a-f]+)\/data$/.exec(path.slice(blobsPrefix.length)) ?? [];
  const digest = parseDigest(`${algorithm}:${hex}`);
  return digest && blobKey(digest) === path ? digest : undefined;
}

function isEmptyContent(digest: Digest): boolean {
  return digest === digestOf('') || digest === digestOf('', 'sha512');
}

function kindOfForeign({ path, kind }: StoredEntry): Oddity['kind'] {
  if (kind === 'symlink') return 'symlink';
  return path.endsWith('/') ? 'folder-marker' : 'foreign-file';
}
