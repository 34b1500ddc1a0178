import { parseChunkRange } from '../../oci/content-range.ts';
import { type Digest, type DigestAlgorithm, isDigestAlgorithm } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';
import type { Chunk } from '../../registry/append-chunk.ts';
import type { UploadSession } from '../../registry/uploads.ts';
import { departureOf } from '../errors/client-gone.ts';
import { bodyChunks, contentLength, hasBody } from '../transfer/body.ts';
import { type RequestContext, authorOf, requireDigest, sendEmpty, setLocation } from './request-context.ts';

/** end-4a, end-4b, end-11 POST /v2/<name>/blobs/uploads/ */
export async function postUpload(context: RequestContext): Promise<void> {
  const { query } = context;
  const mount = query.get('mount');
  if (mount !== null && (await mountBlob(context, requireDigest(mount)))) return;
  const digest = query.get('digest');
  if (digest !== null) await putWhole(context, requireDigest(digest));
  else await startUpload(context);
}

async function startUpload(context: RequestContext): Promise<void> {
  const { protocol, repository, query, subject } = context;
  const algorithm = requestedAlgorithm(query.get('digest-algorithm') ?? 'sha256');
  const id = await protocol.registry.uploads.start(repository, algorithm, subject.id, authorOf(context));
  describeUpload(context, id, 0);
  sendEmpty(context.response, 202);
}

function requestedAlgorithm(text: string): DigestAlgorithm {
  if (!isDigestAlgorithm(text))
    throw new OciError('DIGEST_INVALID', { message: 'the digest algorithm is neither sha256 nor sha512' });
  return text;
}

/** Stores a blob that is the whole body of the request ("a single POST"). */
async function putWhole(context: RequestContext, digest: Digest): Promise<void> {
  await context.protocol.registry.uploads.put(context.repository, digest, chunkOf(context), authorOf(context));
  created(context, digest);
}

/**
 * Mounts a blob and answers. Resolves to false if it cannot be mounted: then "it SHOULD return a 202" and an upload begins.
 * Without `from` every repository counts from which the client may pull.
 */
async function mountBlob(context: RequestContext, digest: Digest): Promise<boolean> {
  const { protocol, repository, query } = context;
  for (const from of await mountSources(context, digest, query.get('from'))) {
    if (!(await protocol.registry.blobs.mount(from, repository, digest, authorOf(context)))) continue;
    created(context, digest);
    return true;
  }
  return false;
}

/** Repositories with the blob that are tried as the source of a mount. */
const maxMountCandidates = 100;

async function mountSources(
  { protocol, subject }: RequestContext,
  digest: Digest,
  from: string | null,
): Promise<readonly RepositoryName[]> {
  const { access, registry } = protocol;
  const named = from === null ? undefined : parseRepositoryName(from);
  if (from !== null && !named) throw new OciError('NAME_INVALID', { detail: { from: from.slice(0, 300) } });
  const candidates = named ? [named] : (access.mountable(subject) ?? (await registry.blobs.holders(digest, maxMountCandidates)));
  const readable: RepositoryName[] = [];
  for (const candidate of candidates) if (await access.allows(subject, 'pull', candidate)) readable.push(candidate);
  return readable;
}

/** end-13 GET /v2/<name>/blobs/uploads/<id> */
export async function getUpload(context: RequestContext): Promise<void> {
  const id = uploadId(context);
  describeUpload(context, id, await context.protocol.registry.uploads.status(sessionOf(context, id)));
  sendEmpty(context.response, 204);
}

/** end-5 PATCH /v2/<name>/blobs/uploads/<id> */
export async function patchUpload(context: RequestContext): Promise<void> {
  const id = uploadId(context);
  const size = await withPosition(context, id, () =>
    context.protocol.registry.uploads.append(sessionOf(context, id), chunkOf(context), departureOf(context.response)),
  );
  describeUpload(context, id, size);
  sendEmpty(context.response, 202);
}

/** end-6 PUT /v2/<name>/blobs/uploads/<id>?digest=<digest> */
export async function putUpload(context: RequestContext): Promise<void> {
  const { protocol, request, response, query } = context;
  const id = uploadId(context);
  const departure = departureOf(response);
  const digest = requireDigest(query.get('digest') ?? '');
  const lastChunk = hasBody(request) || request.headers['content-range'] !== undefined ? chunkOf(context) : undefined;
  await withPosition(context, id, () => protocol.registry.uploads.finish(sessionOf(context, id), digest, lastChunk, departure));
  created(context, digest);
}

/** end-14 DELETE /v2/<name>/blobs/uploads/<id> */
export async function deleteUpload(context: RequestContext): Promise<void> {
  await context.protocol.registry.uploads.cancel(sessionOf(context, uploadId(context)));
  sendEmpty(context.response, 204);
}

function uploadId({ lastSegment }: RequestContext): string {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(lastSegment)) throw new OciError('BLOB_UPLOAD_UNKNOWN');
  return lastSegment;
}

/** Names a session with its owner: only the account that began it may use it. */
function sessionOf(context: RequestContext, id: string): UploadSession {
  return { id, repository: context.repository, owner: context.subject.id, author: authorOf(context) };
}

function chunkOf({ request, response }: RequestContext): Chunk {
  const header = request.headers['content-range'];
  const range = header === undefined ? undefined : parseChunkRange(header);
  if (header !== undefined && !range) {
    throw new OciError('BLOB_UPLOAD_INVALID', {
      message: 'Content-Range is not <first>-<last>',
      detail: { contentRange: header.slice(0, 200) },
    });
  }
  return { body: bodyChunks(request, response), range, length: contentLength(request) };
}

/** Runs `work`. Adds the position of the upload to an answer of 416, so that the client can continue there. */
async function withPosition<Result>(context: RequestContext, id: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OciError && error.status === 416) {
      describeUpload(context, id, await context.protocol.registry.uploads.status(sessionOf(context, id)));
    }
    throw error;
  }
}

/**
 * Sets the headers of an upload. `Range` is inclusive and cannot describe an empty upload: `0-0`, as Docker's registry
 * sends it.
 */
function describeUpload(context: RequestContext, id: string, sizeBytes: number): void {
  setLocation(context, `/v2/${context.repository}/blobs/uploads/${id}`);
  context.response.setHeader('Docker-Upload-UUID', id);
  context.response.setHeader('Range', `0-${Math.max(0, sizeBytes - 1)}`);
}

function created(context: RequestContext, digest: Digest): void {
  setLocation(context, `/v2/${context.repository}/blobs/${digest}`);
  context.response.setHeader('Docker-Content-Digest', digest);
  sendEmpty(context.response, 201);
}
