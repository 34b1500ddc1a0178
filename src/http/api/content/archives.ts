import { z } from 'zod';
import { isoTime } from '../../../access/accounts/time.ts';
import type { ArchiveSummary, StagedArchive } from '../../../archives/in/plan.ts';
import { parsePlatform } from '../../../oci/platform.ts';
import { type Reference, parseReference, parseTag } from '../../../oci/reference.ts';
import { readUpload } from '../../archives/read-upload.ts';
import { sendArchive } from '../../archives/send-archive.ts';
import { commitUploaded, listImages } from '../../archives/uploaded-archive.ts';
import { type Context, type Route, created, file, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';
import { parsed, reference, repository } from './content-schemas.ts';

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

/** Names of the images of one archive. */
const maxTargets = 1000;

const { dateTime, optional } = s;

const host = /^[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d{1,5})?$/;

const platform = parsed(parsePlatform, 'must be a platform, such as linux/amd64');

const archiveQuery = z.object({
  repository,
  reference: references,
  platform: platform.optional().meta({ description: 'linux/amd64, linux/arm64/v8: export this image of an index; default: all' }),
  host: z
    .string()
    .regex(host, 'must be the host of a registry')
    .optional()
    .meta({ description: 'host in front of the names of the images; default: none' }),
});

async function downloadArchive({ query }: { readonly query: z.output<typeof archiveQuery> }, context: Context): Promise<void> {
  const { exports, pulls, principal, exchange } = context;
  const names = query.reference.map((reference) => ({ repository: query.repository, reference }));
  const { platform, host } = query;
  await sendArchive({ exports, pulls, ...exchange, account: principal.name }, names, { platform, host });
}

const fetchBody = z.strictObject({ repository, reference, platform: optional(platform) });

async function fetchImage({ body }: { readonly body: z.output<typeof fetchBody> }, { fetches, principal }: Context) {
  const { repository, reference, platform } = body;
  return { job: await fetches.begin({ repository, reference }, platform, principal.id) };
}

const uploadQuery = z.object({
  repository: repository.meta({ description: 'where the images go unless the commit says otherwise' }),
  compress: z
    .enum(['gzip', 'zstd', 'none'])
    .optional()
    .meta({ description: 'how uncompressed layers are stored; default: as manifests list them, gzip where there are none' }),
});

const byArchive = z.object({ id: s.text });

const target = z.strictObject({
  image: z.int().min(0).meta({ description: 'position of the image in the archive, from 0' }),
  repository,
  tag: parsed(parseTag, 'must be a tag'),
});

const commitBody = z.strictObject({
  targets: optional(z.array(target).min(1).max(maxTargets)).meta({ description: 'missing: the targets that the archive shows' }),
});

const shownTarget = z.object({ repository: z.string(), tag: z.string() });

const missing = z.array(z.string()).meta({
  description: 'platforms that the index lists and the archive does not have (digests of entries without a platform)',
});

const archiveSummary = z
  .object({
    id: z.string(),
    repository: z.string(),
    fileName: z.string().meta({ description: 'as the client named the file; empty if it did not' }),
    startedAt: dateTime,
    expiresAt: dateTime.meta({ description: 'when the archive is deleted unless it is committed' }),
  })
  .meta({ id: 'ArchiveSummary' });

const archive = archiveSummary
  .extend({
    images: z.array(
      z.object({
        names: z.array(z.string()).meta({ description: 'as the archive has them' }),
        digest: z.string(),
        platforms: z.array(z.string()),
        missing,
        bytes: z.number().meta({ description: 'of manifests, configs and layers' }),
        layers: z.number(),
        note: z.string().nullable().meta({ description: 'what is different from the archive' }),
        targets: z.array(shownTarget).meta({ description: 'where a commit without targets stores it' }),
      }),
    ),
  })
  .meta({ id: 'Archive' });

const committed = z.object({ items: z.array(shownTarget.extend({ digest: z.string(), missing })) });

const summaryOf = ({ id, repository, fileName, startedAt, expiresAt }: ArchiveSummary) => ({
  id,
  repository,
  fileName,
  startedAt: isoTime(startedAt),
  expiresAt: isoTime(expiresAt),
});

function toShown(staged: StagedArchive): z.output<typeof archive> {
  const images = listImages(staged).map(({ names, platforms, missing, note, targets, ...image }) => ({
    ...image,
    names: [...names],
    platforms: [...platforms],
    missing: [...missing],
    note: note ?? null,
    targets: targets.map(({ repository, tag }) => ({ repository, tag })),
  }));
  return { ...summaryOf(staged), images };
}

async function uploadArchive({ query }: { readonly query: z.output<typeof uploadQuery> }, context: Context) {
  const { imports, principal, author, exchange } = context;
  const sender = { repository: query.repository, owner: principal.id, author };
  const staged = await readUpload(exchange.request, exchange.response, (source, facts) =>
    imports.receive(source, sender, { compression: query.compress, ...facts }),
  );
  // A client that has gone never learns the id.
  if (exchange.response.destroyed) await imports.cancel(staged.id, principal.id);
  return toShown(staged);
}

async function listArchives(_input: unknown, { imports, principal }: Context) {
  return { items: (await imports.list(principal.id)).map(summaryOf) };
}

async function showArchive({ params }: { readonly params: z.output<typeof byArchive> }, { imports, principal }: Context) {
  return toShown(await imports.find(params.id, principal.id));
}

async function cancelArchive({ params }: { readonly params: z.output<typeof byArchive> }, { imports, principal }: Context) {
  await imports.cancel(params.id, principal.id);
}

async function commitArchive(
  { params, body }: { readonly params: z.output<typeof byArchive>; readonly body: z.output<typeof commitBody> },
  context: Context,
) {
  const { imports, principal } = context;
  const staged = await imports.find(params.id, principal.id);
  const stored = await commitUploaded(imports, staged, context, body.targets);
  return { items: stored.map(({ missing, ...tag }) => ({ ...tag, missing: [...missing] })) };
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
    handler: downloadArchive,
  }),
  route({
    method: 'POST',
    path: '/image/fetch',
    summary: 'Fetch an image of an upstream, so that it can be downloaded; GET /jobs/{id} shows the progress',
    needs: { action: 'pull', repositoryOf: ({ body }) => body.repository },
    body: fetchBody,
    returns: created(z.object({ job: z.string() })),
    handler: fetchImage,
  }),
  route({
    method: 'POST',
    path: '/archives',
    summary:
      'Upload an archive of images (docker save, OCI layout): the body, or the file `archive` of a form; nothing is visible yet',
    changesContent: true,
    needs: { action: 'add', repositoryOf: ({ query }) => query.repository },
    query: uploadQuery,
    accepts: ['application/x-tar', 'multipart/form-data'],
    returns: created(archive),
    handler: uploadArchive,
  }),
  route({
    method: 'GET',
    path: '/archives',
    summary: 'List the uploaded archives of the client that wait for their commit, newest first',
    needs: 'account',
    returns: ok(z.object({ items: z.array(archiveSummary) })),
    handler: listArchives,
  }),
  route({
    method: 'GET',
    path: '/archives/{id}',
    summary: 'Show an uploaded archive of the client: its images, and where a commit stores them',
    needs: 'account',
    params: byArchive,
    returns: ok(archive),
    handler: showArchive,
  }),
  route({
    method: 'POST',
    path: '/archives/{id}/commit',
    summary: 'Store images of an uploaded archive: all tags at once, or none',
    changesContent: true,
    needs: 'account',
    params: byArchive,
    body: commitBody,
    returns: ok(committed),
    handler: commitArchive,
  }),
  route({
    method: 'DELETE',
    path: '/archives/{id}',
    summary: 'Drop an uploaded archive',
    needs: 'account',
    params: byArchive,
    returns: noContent,
    handler: cancelArchive,
  }),
];
