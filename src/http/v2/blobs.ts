import { serveObject } from '../serve-object.ts';
import { type Exchange, digestOf, sendEmpty } from './exchange.ts';

/** end-2 GET, HEAD /v2/<name>/blobs/<digest> */
export async function getBlob(exchange: Exchange): Promise<void> {
  const { protocol, request, response, repository } = exchange;
  const { blobs } = protocol.registry;
  const digest = digestOf(exchange);
  const sizeBytes = await blobs.size(repository, digest);
  response.setHeader('Docker-Content-Digest', digest);
  const elsewhere = request.method === 'GET' ? await blobs.presign(digest) : undefined;
  if (elsewhere !== undefined) {
    response.writeHead(307, { Location: elsewhere, 'Content-Length': 0, 'Cache-Control': 'no-store' }).end();
    return;
  }
  await serveObject(request, response, {
    sizeBytes,
    etag: `"${digest}"`,
    contentType: 'application/octet-stream',
    headers: { 'Cache-Control': immutable },
    open: (range) => blobs.open(digest, range),
  });
}

/** Content by digest never changes. */
export const immutable = 'max-age=31536000, immutable';

/** end-10 DELETE /v2/<name>/blobs/<digest> */
export async function deleteBlob(exchange: Exchange): Promise<void> {
  await exchange.protocol.registry.blobs.unlink(exchange.repository, digestOf(exchange));
  sendEmpty(exchange.response, 202);
}
