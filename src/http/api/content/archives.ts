import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { ByteRange } from '../../../../storage/blobs/driver.ts';
import { type ArchiveFile, fileNameOf } from '../../../archives/out/archive-file.ts';
import type { ArchiveExports } from '../../../archives/out/exports.ts';
import { parsePlatform } from '../../../oci/platform.ts';
import { type Reference, parseReference } from '../../../oci/reference.ts';
import { lengthOf } from '../../transfer/range.ts';
import { appendBytes, appendObject } from '../../transfer/send-object.ts';
import { serveObject } from '../../transfer/serve-object.ts';
import { type Context, type Route, file, route } from '../table/route.ts';
import { parsed, repository } from './content-schemas.ts';

const references = z
  .union([z.string(), z.array(z.string())])
  .transform((texts, { issues }): readonly Reference[] => {
    const given = [texts].flat();
    const found = given.flatMap((text) => parseReference(text) ?? []);
    if (found.length === given.length) return found;
    issues.push({ code: 'custom', message: 'must be tags or digests', input: texts });
    return z.NEVER;
  })
  .meta({ description: 'a tag or a digest; may be repeated: images of one archive share their layers' });

const host = /^[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d{1,5})?$/;

const archiveQuery = z.object({
  repository,
  reference: references,
  platform: parsed(parsePlatform, 'must be a platform, such as linux/amd64')
    .optional()
    .meta({ description: 'linux/amd64, linux/arm64/v8: export this image of an index; default: all' }),
  host: z
    .string()
    .regex(host, 'must be the host of a registry')
    .optional()
    .meta({ description: 'host in front of the names of the images; default: none' }),
});

/** Sends the images as one tar file. The same images make the same bytes, so that downloads can be resumed. */
async function sendArchive({ query }: { readonly query: z.output<typeof archiveQuery> }, context: Context): Promise<void> {
  const { exports, pulls, principal, exchange } = context;
  const names = query.reference.map((reference) => ({ repository: query.repository, reference }));
  const archive = await exports.describe(names, { platform: query.platform, host: query.host });
  await serveObject(exchange.request, exchange.response, {
    sizeBytes: archive.sizeBytes,
    etag: archive.etag,
    contentType: 'application/x-tar',
    headers: {
      'Cache-Control': 'private, no-cache',
      'Content-Disposition': `attachment; filename="${fileNameOf(archive.images)}"`,
    },
    write: (response, range) => writeParts(response, exports, archive, range),
  });
  if (exchange.request.method === 'GET')
    for (const { digest } of archive.images) pulls.add(query.repository, digest, principal.name);
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

/** Rows of the API: images as files. */
export const archiveRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/archive',
    summary: 'Download images as one tar file: an OCI layout that docker load reads, too',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: archiveQuery,
    returns: file('application/x-tar'),
    handler: sendArchive,
  }),
];
