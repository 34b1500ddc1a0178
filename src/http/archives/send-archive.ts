import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ByteRange } from '../../../storage/blobs/driver.ts';
import { type ArchiveFile, fileNameOf } from '../../archives/out/archive-file.ts';
import type { ArchiveExports, ExportOptions } from '../../archives/out/exports.ts';
import type { NamedReference } from '../../oci/reference.ts';
import type { Pulls } from '../../registry/pulls.ts';
import { lengthOf } from '../transfer/range.ts';
import { appendBytes, appendObject } from '../transfer/send-object.ts';
import { serveObject } from '../transfer/serve-object.ts';

export interface ArchiveDownload {
  readonly exports: ArchiveExports;
  readonly pulls: Pick<Pulls, 'add'>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Name of the account that downloads; '' without one. */
  readonly account: string;
}

/**
 * Sends the images as one tar file, and counts the download as a pull. The same images make the same bytes, so that downloads can
 * be resumed. Throws what `ArchiveExports.describe` throws.
 */
export async function sendArchive(
  { exports, pulls, request, response, account }: ArchiveDownload,
  names: readonly NamedReference[],
  options: ExportOptions,
): Promise<void> {
  const archive = await exports.describe(names, options);
  await serveObject(request, response, {
    sizeBytes: archive.sizeBytes,
    etag: archive.etag,
    contentType: 'application/x-tar',
    headers: {
      'Cache-Control': 'private, no-cache',
      'Content-Disposition': `attachment; filename="${fileNameOf(archive.images)}"`,
      'X-Content-Type-Options': 'nosniff',
    },
    write: (response, range) => writeParts(response, exports, archive, range),
  });
  if (request.method === 'GET') for (const { repository, digest } of archive.images) pulls.add(repository, digest, account);
}

async function writeParts(
  response: ServerResponse,
  exports: ArchiveExports,
  archive: ArchiveFile,
  range: ByteRange,
): Promise<void> {
  for (const part of archive.parts(range)) {
    if ('bytes' in part) await appendBytes(response, part.bytes);
    else await appendObject(response, await exports.open(part), lengthOf(part.range));
  }
}
