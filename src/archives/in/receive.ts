import type { Digest } from '../../oci/digest.ts';
import type { Uploads } from '../../registry/uploads.ts';
import { archiveTooLarge, invalidArchive } from '../archive-error.ts';
import { TarError, readEntries } from '../tar/read-entries.ts';
import { type Compression, decompress } from './compression.ts';
import { collectContents } from './contents.ts';
import { formatOf, peek } from './formats.ts';
import type { ArchiveLimits } from './limits.ts';
import type { ArchivePlan, PlannedBlob } from './plan.ts';
import type { ResolvedBlob, ResolvedImage } from './resolved.ts';
import { resolveImages } from './resolve.ts';
import { type Sender, type Staging, createStaging } from './staging.ts';

export interface ReceiveOptions {
  readonly uploads: Pick<Uploads, 'start' | 'append' | 'digest' | 'cancel'>;
  readonly limits: ArchiveLimits;
  /** How uncompressed layers are stored; undefined: as an OCI layout has them, and by gzip where there are no digests. */
  readonly compression: Compression | undefined;
}

/**
 * Reads an archive: stages its blobs in upload sessions, resolves its images and compares digests, sizes and diffIDs. If anything
 * is wrong, or the source breaks off, drops the sessions and throws MANIFEST_INVALID, SIZE_INVALID (413) or what the source
 * threw. Sessions with content that no image has are dropped. Memory does not grow with the archive.
 */
export async function receiveArchive(
  source: AsyncIterable<Uint8Array>,
  sender: Sender,
  { uploads, limits, compression }: ReceiveOptions,
): Promise<ArchivePlan> {
  const staging = createStaging(uploads, sender);
  try {
    const contents = await collectContents(readEntries(await unpack(source, limits)), { staging, limits, compression });
    const images = resolveImages(contents);
    const blobs = await stageDocuments(staging, images, limits);
    await staging.drop(new Set([...blobs.values()].map(({ session }) => session)));
    return { images: images.map(toPlanned), blobs: Object.fromEntries(blobs) };
  } catch (error) {
    await staging.drop();
    throw error instanceof TarError ? invalidArchive(error.message, error) : error;
  }
}

/** Returns the tar archive in the stream, which may be compressed. */
async function unpack(source: AsyncIterable<Uint8Array>, { maxBytes }: ArchiveLimits): Promise<AsyncIterable<Buffer>> {
  const { start, whole } = await peek(source);
  const format = formatOf(start);
  if (format === 'gzip' || format === 'zstd') return decompress(whole, format, { what: 'the archive', limitBytes: maxBytes });
  if (format === 'tar') return limited(whole, maxBytes);
  const found = start.length === 0 ? 'nothing' : `bytes that begin with ${start.toString('hex', 0, 8)}`;
  await closeSource(whole);
  throw invalidArchive(`the archive is not a tar file: expected tar, gzip or zstd, found ${found}`);
}

/** Ends a stream that is not read to its end. */
async function closeSource(source: AsyncIterable<Buffer>): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  // A generator that has not begun would not run its end.
  await iterator.next();
  await iterator.return?.();
}

async function* limited(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw archiveTooLarge(`the archive has more than ${maxBytes} bytes`);
    yield chunk;
  }
}

/** Stages documents that become blobs, such as configs. Returns all staged blobs of the images by digest. */
async function stageDocuments(
  staging: Staging,
  images: readonly ResolvedImage[],
  { maxBytes }: ArchiveLimits,
): Promise<ReadonlyMap<Digest, PlannedBlob>> {
  const staged = new Map<Digest, PlannedBlob>();
  for (const { digest, sizeBytes, source } of images.flatMap(({ blobs }) => blobs)) {
    if (staged.has(digest)) continue;
    if (!Buffer.isBuffer(source)) staged.set(digest, { session: source.session, sizeBytes });
    else staged.set(digest, { session: await stageDocument(staging, digest, source, maxBytes), sizeBytes });
  }
  return staged;
}

async function stageDocument(staging: Staging, digest: Digest, bytes: Buffer, limitBytes: number): Promise<string> {
  async function* once(): AsyncGenerator<Buffer> {
    yield bytes;
    await Promise.resolve();
  }
  const algorithm = digest.startsWith('sha512:') ? 'sha512' : 'sha256';
  const what = `the document ${digest}`;
  const options = { what, format: 'json', compression: 'none', needsDiffId: false, algorithm, limitBytes } as const;
  return (await staging.stage(once(), options)).session;
}

function toPlanned({ names, digest, platforms, missing, note, manifests, blobs }: ResolvedImage): ArchivePlan['images'][number] {
  return {
    names,
    digest,
    platforms: [...new Set(platforms)],
    missing: [...new Set(missing)],
    note,
    manifests: distinct(manifests).map(({ digest, mediaType, bytes, optional }) => ({
      digest,
      mediaType,
      ...(optional && { optional }),
      bytes: bytes.toString('base64'),
    })),
    blobs: distinct<ResolvedBlob>(blobs).map(({ digest }) => digest),
  };
}

function distinct<Item extends { readonly digest: Digest }>(items: readonly Item[]): readonly Item[] {
  return [...new Map(items.map((item) => [item.digest, item])).values()];
}
