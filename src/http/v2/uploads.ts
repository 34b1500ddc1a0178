import { parseChunkRange } from '../../oci/content-range.ts';
import { type Digest, type DigestAlgorithm, isDigestAlgorithm } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { parseRepositoryName } from '../../oci/reference.ts';
import type { Chunk } from '../../registry/append-chunk.ts';
import type { UploadSession } from '../../registry/uploads.ts';
import { departureOf } from '../client-gone.ts';
import { bodyChunks, contentLength, hasBody } from '../body.ts';
import { type Exchange, authorOf, requireDigest, sendEmpty, setLocation } from './exchange.ts';

/** end-4a, end-4b, end-11 POST /v2/<name>/blobs/uploads/ */
export async function postUpload(exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const mount = query.get('mount');
  if (mount !== null && (await mountBlob(exchange, requireDigest(mount)))) return;
  const digest = query.get('digest');
  if (digest !== null) await putWhole(exchange, requireDigest(digest));
  else await startUpload(exchange);
}

async function startUpload(exchange: Exchange): Promise<void> {
  const { protocol, request, repository, query, subject } = exchange;
  const algorithm = requestedAlgorithm(query.get('digest-algorithm') ?? 'sha256');
  const id = await protocol.registry.uploads.start(repository, algorithm, subject.id, protocol.origin.clientAddress(request));
  describeUpload(exchange, id, 0);
  sendEmpty(exchange.response, 202);
}

function requestedAlgorithm(text: string): DigestAlgorithm {
  if (!isDigestAlgorithm(text))
    throw new OciError('DIGEST_INVALID', { message: 'the digest algorithm is neither sha256 nor sha512' });
  return text;
}

/** The whole blob is the request's body: "a single POST". */
async function putWhole(exchange: Exchange, digest: Digest): Promise<void> {
  await exchange.protocol.registry.uploads.put(exchange.repository, digest, chunkOf(exchange));
  created(exchange, digest);
}

/**
 * True when the blob was mounted and the answer sent. Otherwise "it SHOULD return a 202": an upload begins.
 * Without `from` any repository will do, where all may be pulled from.
 */
async function mountBlob(exchange: Exchange, digest: Digest): Promise<boolean> {
  const { protocol, repository, query } = exchange;
  for (const from of await mountSources(exchange, digest, query.get('from'))) {
    if (!(await protocol.registry.blobs.mount(from, repository, digest, authorOf(exchange)))) continue;
    created(exchange, digest);
    return true;
  }
  return false;
}

/** How many holders of a blob are looked at to find one to mount it from. */
const mostMountCandidates = 100;

async function mountSources({ protocol, subject }: Exchange, digest: Digest, from: string | null): Promise<readonly string[]> {
  const { access, registry } = protocol;
  const named = from === null ? undefined : parseRepositoryName(from);
  if (from !== null && !named) throw new OciError('NAME_INVALID', { detail: { from: from.slice(0, 300) } });
  const candidates = named ? [named] : (access.mountable(subject) ?? (await registry.blobs.holders(digest, mostMountCandidates)));
  const readable: string[] = [];
  for (const candidate of candidates) if (await access.allows(subject, 'pull', candidate)) readable.push(candidate);
  return readable;
}

/** end-13 GET /v2/<name>/blobs/uploads/<id> */
export async function getUpload(exchange: Exchange): Promise<void> {
  const id = uploadId(exchange);
  describeUpload(exchange, id, await exchange.protocol.registry.uploads.status(sessionOf(exchange, id)));
  sendEmpty(exchange.response, 204);
}

/** end-5 PATCH /v2/<name>/blobs/uploads/<id> */
export async function patchUpload(exchange: Exchange): Promise<void> {
  const id = uploadId(exchange);
  const size = await inOrder(exchange, id, () =>
    exchange.protocol.registry.uploads.append(sessionOf(exchange, id), chunkOf(exchange), departureOf(exchange.response)),
  );
  describeUpload(exchange, id, size);
  sendEmpty(exchange.response, 202);
}

/** end-6 PUT /v2/<name>/blobs/uploads/<id>?digest=<digest> */
export async function putUpload(exchange: Exchange): Promise<void> {
  const { protocol, request, response, query } = exchange;
  const id = uploadId(exchange);
  const gone = departureOf(response);
  const digest = requireDigest(query.get('digest') ?? '');
  const lastChunk = hasBody(request) || request.headers['content-range'] !== undefined ? chunkOf(exchange) : undefined;
  await inOrder(exchange, id, () => protocol.registry.uploads.finish(sessionOf(exchange, id), digest, lastChunk, gone));
  created(exchange, digest);
}

/** end-14 DELETE /v2/<name>/blobs/uploads/<id> */
export async function deleteUpload(exchange: Exchange): Promise<void> {
  await exchange.protocol.registry.uploads.cancel(sessionOf(exchange, uploadId(exchange)));
  sendEmpty(exchange.response, 204);
}

function uploadId({ tail }: Exchange): string {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(tail)) throw new OciError('BLOB_UPLOAD_UNKNOWN');
  return tail;
}

/** A session serves only who began it. */
function sessionOf({ repository, subject }: Exchange, id: string): UploadSession {
  return { id, repository, owner: subject.id };
}

function chunkOf({ request, response }: Exchange): Chunk {
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

/** Runs `work`; an answer of 416 tells the client where the upload stands, so that it can go on from there. */
async function inOrder<Result>(exchange: Exchange, id: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OciError && error.status === 416) {
      describeUpload(exchange, id, await exchange.protocol.registry.uploads.status(sessionOf(exchange, id)));
    }
    throw error;
  }
}

/** `Range` is inclusive, so that an empty upload has none to state: `0-0`, as Docker's registry says it. */
function describeUpload(exchange: Exchange, id: string, sizeBytes: number): void {
  setLocation(exchange, `/v2/${exchange.repository}/blobs/uploads/${id}`);
  exchange.response.setHeader('Docker-Upload-UUID', id);
  exchange.response.setHeader('Range', `0-${Math.max(0, sizeBytes - 1)}`);
}

function created(exchange: Exchange, digest: Digest): void {
  setLocation(exchange, `/v2/${exchange.repository}/blobs/${digest}`);
  exchange.response.setHeader('Docker-Content-Digest', digest);
  sendEmpty(exchange.response, 201);
}
