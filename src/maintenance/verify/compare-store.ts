import type { BlobDriver, StoredEntry } from '../../../storage/blobs/driver.ts';
import { blobKey, blobsPrefix, storedDigest } from '../../../storage/blobs/layout.ts';
import { unlessMissing } from '../../../storage/blobs/missing.ts';
import type { ContentToCheck } from '../../../storage/metadata/queries/verification/checks.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Digest } from '../../oci/digest.ts';

/**
 * One difference between the blob store and the records.
 * `orphan`: bytes that no record, claim or running deletion knows, older than the grace.
 * `missing`: a record whose bytes are not there.
 * `wrong_size`: a record of `sizeBytes` whose bytes have another size.
 * `foreign`: a file among the blobs that berth has not written. It is never touched.
 */
export type Difference =
  | { readonly kind: 'orphan'; readonly digest: Digest; readonly sizeBytes: number; readonly modifiedAt: Date }
  | { readonly kind: 'missing'; readonly digest: Digest; readonly sizeBytes: number }
  | { readonly kind: 'wrong_size'; readonly digest: Digest; readonly sizeBytes: number; readonly storedBytes: number }
  | { readonly kind: 'foreign'; readonly path: string };

export interface CompareOptions {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'blobs' | 'claims' | 'collection' | 'contentChecks'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Younger bytes are no orphans: a client may be about to record them. */
  readonly graceMilliseconds: number;
  /** Called with the part of the work that is done, from 0 to 1, and the number of objects. */
  readonly onProgress?: (part: number, objects: number) => void;
  readonly signal?: AbortSignal;
}

const pageContents = 1000;

/**
 * Merges the listing of the blob store with the records, both in the order of the digests, and yields the differences. Memory is
 * constant. Clients may push, and the collector may delete, meanwhile: each difference is looked at again before it is yielded.
 * Changes nothing. Rejects with errors of both stores; nothing that was yielded is wrong then.
 */
export async function* compareStore(options: CompareOptions): AsyncGenerator<Difference> {
  const { driver, metadata, onProgress, signal } = options;
  const records = listRecords(metadata);
  let record = await nextOf(records);
  let objects = 0;
  for await (const entry of driver.listEntries(blobsPrefix)) {
    signal?.throwIfAborted();
    const digest = entry.kind === 'object' ? storedDigest(entry.path) : undefined;
    if (!digest) {
      yield { kind: 'foreign', path: entry.path };
      continue;
    }
    onProgress?.(partOf(digest), ++objects);
    for (; record && record.digest < digest; record = await nextOf(records)) yield* missing(options, record);
    if (record?.digest !== digest) yield* orphan(options, digest, entry);
    else {
      if (record.sizeBytes !== entry.sizeBytes) yield* wrongSize(options, record);
      record = await nextOf(records);
    }
  }
  for (; record; record = await nextOf(records)) yield* missing(options, record);
  onProgress?.(1, objects);
}

async function* listRecords({ contentChecks }: Pick<MetadataStore, 'contentChecks'>): AsyncGenerator<ContentToCheck, void> {
  for (let after: Digest | '' = ''; ;) {
    const page: readonly ContentToCheck[] = await contentChecks.list(after, pageContents);
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < pageContents) return;
    after = last.digest;
  }
}

async function nextOf<Item>(items: AsyncGenerator<Item, void>): Promise<Item | undefined> {
  const result = await items.next();
  return result.done ? undefined : result.value;
}

/** Yields the record if its bytes are really missing: it may have been deleted, or its bytes stored, since it was read. */
async function* missing({ driver, metadata }: CompareOptions, { digest, sizeBytes }: ContentToCheck): AsyncGenerator<Difference> {
  const isThere = async () => (await unlessMissing(driver.stat(blobKey(digest)))) !== undefined;
  if (!(await isThere()) && (await metadata.blobs.isRecorded(digest)) && !(await isThere())) {
    yield { kind: 'missing', digest, sizeBytes };
  }
}

/** Yields the record if the size is wrong now, too. */
async function* wrongSize({ driver }: CompareOptions, { digest, sizeBytes }: ContentToCheck): AsyncGenerator<Difference> {
  const storedBytes = (await unlessMissing(driver.stat(blobKey(digest))))?.sizeBytes ?? sizeBytes;
  if (storedBytes !== sizeBytes) yield { kind: 'wrong_size', digest, sizeBytes, storedBytes };
}

/** Yields the bytes if nothing knows them: a client may have recorded them since the records were read. */
async function* orphan(
  { metadata, now, graceMilliseconds }: CompareOptions,
  digest: Digest,
  { sizeBytes, modifiedAt }: StoredEntry,
): AsyncGenerator<Difference> {
  if (now() - modifiedAt.getTime() < graceMilliseconds) return;
  // The claim first: a record ends it, so that only this order sees one of both.
  if ((await metadata.claims.isClaimed(digest)) || (await metadata.blobs.isRecorded(digest))) return;
  if (await metadata.collection.isBeingPurged(digest)) return;
  yield { kind: 'orphan', digest, sizeBytes, modifiedAt };
}

/** Returns how far the digest is in the order of all digests, from 0 to 1: digests are evenly distributed. */
function partOf(digest: Digest): number {
  const hex = digest.slice(digest.indexOf(':') + 1, digest.indexOf(':') + 5);
  return parseInt(hex, 16) / 65_536;
}
