import type { ManifestLookup } from '../../mirror/remote/lookup-result.ts';
import { conditionOf, etagOf, holds, isExpected, isKnown } from '../../oci/condition.ts';
import type { Digest } from '../../oci/digest.ts';
import { OciError, preconditionFailed } from '../../oci/errors.ts';
import { type Reference, type Tag, parseTag } from '../../oci/reference.ts';
import { ContentMissing } from '../../content/missing-content.ts';
import { manifestBody } from '../transfer/small-body.ts';
import { immutable } from './blobs.ts';
import { type MirrorSource, type RequestContext, authorOf, referenceOf, sendEmpty, setLocation } from './request-context.ts';
import { describeMirrored } from '../server/mirrored.ts';
import { endWith, sendHead } from '../server/response-head.ts';

/** Returns the reference in the path of a request for an existing manifest. Throws MANIFEST_UNKNOWN. */
function requireReference(context: RequestContext): Reference {
  const reference = referenceOf(context);
  if (!reference) throw new OciError('MANIFEST_UNKNOWN', { detail: { reference: context.lastSegment.slice(0, 200) } });
  return reference;
}

/**
 * end-3 GET, HEAD /v2/<name>/manifests/<reference>
 *
 * "MUST provide the expected manifest": there is one form of it, the pushed one, so `Accept` has nothing to choose from.
 */
export async function getManifest(context: RequestContext): Promise<void> {
  const { protocol, request, repository } = context;
  const reference = requireReference(context);
  const { digest, mediaType, sizeBytes, bytes } = await find(context, reference);
  const condition = conditionOf(request.headers);
  if (condition && !isExpected(condition, etagOf(digest))) throw preconditionFailed(context.lastSegment);
  const isCached = condition !== undefined && isKnown(condition, etagOf(digest));
  const body = isCached || request.method === 'HEAD' ? undefined : (bytes ?? (await storedBytes(context, digest, sizeBytes)));
  const { signatures } = protocol.registry;
  if (body && signatures) await signatures.require(repository, { digest, mediaType, bytes: body, tag: reference.tag });
  answer(context, reference, { digest, mediaType, sizeBytes, bytes: body }, isCached);
}

/** Sends the manifest, without a body if `bytes` is undefined, and records the pull. */
function answer(context: RequestContext, { tag }: Reference, found: Found, isCached: boolean): void {
  const { protocol, request, response, head, subject, repository, mirrored } = context;
  const { digest, mediaType, sizeBytes, bytes } = found;
  if (!mirrored) protocol.registry.pulls.add(repository, digest, subject.name);
  if (request.method === 'GET') protocol.pulled?.({ repository, digest, tag, mediaType, sizeBytes }, () => authorOf(context));
  const caching = tag === undefined ? immutable : 'no-cache';
  const headers = ['Docker-Content-Digest', digest, 'ETag', etagOf(digest), 'Cache-Control', caching];
  if (isCached) {
    sendHead(response, head, 304, headers).end();
    return;
  }
  headers.push('Content-Type', mediaType);
  sendHead(response, head, 200, headers, sizeBytes);
  endWith(response, bytes);
}

/** Returns the bytes of a stored manifest. Fetches a mirrored one again if its bytes are missing. */
async function storedBytes({ protocol, mirrored }: RequestContext, digest: Digest, sizeBytes: number): Promise<Buffer> {
  try {
    return await protocol.registry.manifests.bytes(digest, sizeBytes);
  } catch (error) {
    if (!mirrored || !(error instanceof ContentMissing)) throw error;
    await mirrored.mirror.lost(digest);
    const { bytes } = await mirrored.mirror.manifest(mirrored.source, { digest }, true);
    if (!bytes) throw error;
    return bytes;
  }
}

/** Finds the manifest in the repository or at its upstream; `bytes` are set if they are in memory. */
function find(context: RequestContext, reference: Reference): Promise<Found> {
  const { protocol, request, repository, mirrored } = context;
  if (mirrored) return findMirrored(context, mirrored, reference);
  return request.method === 'HEAD' ? findKept(context, reference) : protocol.registry.manifests.find(repository, reference);
}

/** Finds the manifest for a client that checks for its existence: it pushes it next, or relies on it. */
async function findKept({ protocol, repository }: RequestContext, reference: Reference): Promise<Found> {
  const { manifests } = protocol.registry;
  const found = await manifests.keep(repository, reference);
  if (found.bytes === undefined && (await manifests.isLost(found.digest, found.sizeBytes)))
    throw new OciError('MANIFEST_UNKNOWN', { detail: { digest: found.digest } });
  return found;
}

async function findMirrored(
  { request, response }: RequestContext,
  { mirror, source }: MirrorSource,
  reference: Reference,
): Promise<Found> {
  const found = await mirror.manifest(source, reference, request.method === 'GET');
  describeMirrored(response, found);
  return found;
}

type Found = Pick<ManifestLookup, 'digest' | 'mediaType' | 'sizeBytes'> & { readonly bytes?: Buffer | undefined };

/** end-7a PUT /v2/<name>/manifests/<reference>, end-7b with ?tag=<tag>&tag=<tag> */
export async function putManifest(context: RequestContext): Promise<void> {
  const { protocol, request, response, repository, query, subject: client } = context;
  const reference = referenceOf(context);
  if (!reference) throw badTag(context.lastSegment);
  const tags = query.getAll('tag').map(requireTag);
  const bytes = await manifestBody(request, response, protocol.largestManifestBytes);
  const contentType = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? '';
  const keepTags = !(await protocol.access.allows(client, 'push', repository));
  const { digest, subject } = await protocol.registry.manifests.put(repository, reference, tags, bytes, contentType, {
    keepTags,
    author: authorOf(context),
    condition: conditionOf(request.headers),
  });
  setLocation(context, `/v2/${repository}/manifests/${digest}`);
  response.setHeader('Docker-Content-Digest', digest);
  if (tags.length > 0) response.setHeader('OCI-Tag', tags);
  if (subject) response.setHeader('OCI-Subject', subject);
  sendEmpty(response, 201);
}

function requireTag(text: string): Tag {
  const tag = parseTag(text);
  if (!tag) throw badTag(text);
  return tag;
}

function badTag(text: string): OciError {
  return new OciError('MANIFEST_INVALID', {
    message: 'a tag has 1 to 128 letters, digits, underscores, dots and dashes, and does not begin with a dot or a dash',
    detail: { tag: text.slice(0, 200) },
  });
}

/** end-9 DELETE /v2/<name>/manifests/<reference> */
export async function deleteManifest(context: RequestContext): Promise<void> {
  const { protocol, repository } = context;
  const reference = requireReference(context);
  const author = authorOf(context);
  const condition = conditionOf(context.request.headers);
  if (reference.tag !== undefined) await protocol.registry.deletions.tag(repository, reference.tag, author, condition);
  else {
    // The digest of a manifest never changes.
    if (condition && !holds(condition, etagOf(reference.digest))) throw preconditionFailed(reference.digest);
    await protocol.registry.deletions.manifest(repository, reference.digest, { author });
  }
  sendEmpty(context.response, 202);
}
