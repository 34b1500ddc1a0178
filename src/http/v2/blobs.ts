import type { ByteRange, OpenObject } from '../../../storage/blobs/driver.ts';
import type { BlobLookup } from '../../mirror/remote/lookup-result.ts';
import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { ContentMissing } from '../../content/missing-content.ts';
import { serveObject } from '../transfer/serve-object.ts';
import { canFollow } from './blob-redirect.ts';
import { type RequestContext, authorOf, digestOf, sendEmpty } from './request-context.ts';
import { describeMirrored } from '../server/mirrored.ts';

/** end-2 GET, HEAD /v2/<name>/blobs/<digest> */
export async function getBlob(context: RequestContext): Promise<void> {
  const { protocol, request, response, mirrored } = context;
  const { blobs } = protocol.registry;
  const digest = digestOf(context);
  const { sizeBytes, open } = await find(context, digest);
  response.setHeader('Docker-Content-Digest', digest);
  const uncheckedBytes = mirrored ? undefined : sizeBytes; // the mirror has checked that the content exists
  const location = request.method === 'GET' && !open ? await blobs.presign(digest, uncheckedBytes) : undefined;
  if (location !== undefined && canFollow(request, location, protocol.publicUrl)) {
    response.writeHead(307, { Location: location, 'Content-Length': 0, 'Cache-Control': 'no-store' }).end();
    return;
  }
  // Several ranges are opened one after the other. A running download could be removed between them without this handle.
  const handle = request.method === 'GET' ? open?.() : undefined;
  try {
    await serveObject(request, response, {
      sizeBytes,
      etag: `"${digest}"`,
      contentType: 'application/octet-stream',
      headers: { 'Cache-Control': immutable },
      async open(range) {
        if (!open) return openStored(context, digest, sizeBytes, range);
        // The download is still running: the client gets the headers at once.
        if (response.hasHeader('Content-Length')) response.flushHeaders();
        return open(range);
      },
    });
  } finally {
    await handle?.close();
  }
}

/** Opens a stored blob. Fetches a mirrored one again if it was evicted since it was found. */
async function openStored(
  { protocol, mirrored }: RequestContext,
  digest: Digest,
  sizeBytes: number,
  range: ByteRange | undefined,
): Promise<OpenObject> {
  try {
    const object = await protocol.registry.blobs.open(digest, sizeBytes, range);
    return mirrored ? mirrored.mirror.inUse(digest, object) : object;
  } catch (error) {
    if (!mirrored || !(error instanceof ContentMissing)) throw error;
    await mirrored.mirror.lost(digest);
    const { open } = await mirrored.mirror.blob(mirrored.source, digest, true);
    if (!open) throw error;
    return open(range);
  }
}

/** Finds the blob in the repository or at its upstream; `open` is set while the mirror downloads it. */
async function find({ protocol, request, response, repository, mirrored }: RequestContext, digest: Digest): Promise<Found> {
  const { blobs } = protocol.registry;
  if (!mirrored) {
    if (request.method !== 'HEAD') return { sizeBytes: await blobs.size(repository, digest) };
    // A client that checks for its existence pushes it next, or relies on it.
    const sizeBytes = await blobs.keep(repository, digest);
    if (await blobs.isLost(digest, sizeBytes)) throw new OciError('BLOB_UNKNOWN', { detail: { digest } });
    return { sizeBytes };
  }
  const found = await mirrored.mirror.blob(mirrored.source, digest, request.method === 'GET');
  describeMirrored(response, found);
  return found;
}

type Found = Pick<BlobLookup, 'sizeBytes' | 'open'>;

/** Content by digest never changes. */
export const immutable = 'max-age=31536000, immutable';

/** end-10 DELETE /v2/<name>/blobs/<digest> */
export async function deleteBlob(context: RequestContext): Promise<void> {
  context.protocol.registry.deletions.require('blobs');
  await context.protocol.registry.blobs.unlink(context.repository, digestOf(context), authorOf(context));
  sendEmpty(context.response, 202);
}
