import { type Digest, parseDigest } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { subjectTags } from '../../oci/subject-tags.ts';
import { type UpstreamResponse, type RequestBody, bodyOf, discard } from '../../upstream/transport.ts';
import { nextUrl } from '../../upstream/upstream-client.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { BlobReader, ManifestContent, SizedBlob, Target } from './entry.ts';
import { type RemoteOptions, createRemoteRequests, isNotFound } from './remote-requests.ts';
import type { UploadSessions } from './upload-sessions.ts';

export interface RemoteTargetOptions extends Omit<RemoteOptions, 'actions'> {
  readonly sessions: UploadSessions;
  /** Largest part of a blob in one request, in bytes; 0: each blob in one request. */
  readonly partBytes: number;
  /** Returns repositories of the target that the entry has copied the blob to. */
  readonly holders: (digest: Digest) => Promise<readonly RepositoryName[]>;
}

const binary = { 'Content-Type': 'application/octet-stream' };

/**
 * Creates a target that writes to another registry. Rejects with `UpstreamError`, whose message has the explanation of the
 * registry.
 */
export function createRemoteTarget(options: RemoteTargetOptions): Target {
  const { sessions, partBytes, holders, remoteName, spend } = options;
  const requests = createRemoteRequests({ ...options, actions: 'pull,push' });
  const { send } = requests;

  async function exists(repository: RepositoryName, path: string): Promise<boolean> {
    try {
      (await send(repository, { method: 'HEAD', path, accept: Object.values(mediaTypes).join(', ') })).resume();
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  function locationOf(response: UpstreamResponse, asked: URL): URL {
    discard(response);
    return nextUrl(asked, response.headers.location);
  }

  async function begin(repository: RepositoryName): Promise<URL> {
    const path = 'blobs/uploads/';
    const response = await send(repository, { method: 'POST', path, expects: [202], headers: { 'Content-Length': 0 } });
    return locationOf(response, requests.addressOf(repository, path));
  }

  /** Asks how much of an earlier upload is there; undefined if it is there no longer. */
  async function resume(repository: RepositoryName, { digest, sizeBytes }: SizedBlob) {
    const session = await sessions.find(repository, digest);
    if (session === undefined) return undefined;
    try {
      const asked = new URL(session);
      const response = await send(repository, { method: 'GET', path: 'blobs/uploads/', url: asked, expects: [204, 202] });
      const received = receivedBytes(response.headers.range);
      const { location } = response.headers;
      discard(response);
      return received <= sizeBytes ? { url: location === undefined ? asked : nextUrl(asked, location), received } : undefined;
    } catch (error) {
      const isGone = error instanceof UpstreamError && error.status !== undefined && error.status >= 400 && error.status < 500;
      if (!isGone || error.code === 'denied' || error.code === 'limited') throw error;
      return undefined;
    }
  }

  function paced(length: number, open: () => AsyncIterable<Uint8Array>): RequestBody {
    return {
      length,
      async *open() {
        for await (const chunk of open()) {
          await spend(chunk.length);
          yield chunk;
        }
      },
    };
  }

  async function sendParts(repository: RepositoryName, blob: SizedBlob, from: Upload, open: BlobReader): Promise<URL> {
    const { digest, sizeBytes } = blob;
    let { url, received } = from;
    while (received < sizeBytes) {
      const first = received;
      const last = Math.min(sizeBytes, first + (partBytes === 0 ? sizeBytes : partBytes)) - 1;
      const response = await send(repository, {
        method: 'PATCH',
        path: 'blobs/uploads/',
        url,
        expects: [202, 204],
        headers: { ...binary, 'Content-Range': `${first}-${last}` },
        body: paced(last - first + 1, () => open(first, last)),
      });
      url = locationOf(response, url);
      received = last + 1;
      await sessions.put(repository, digest, url.href);
    }
    return url;
  }

  async function finish(repository: RepositoryName, digest: Digest, upload: URL, body?: RequestBody): Promise<void> {
    const url = new URL(upload);
    url.searchParams.set('digest', digest);
    const headers = body ? binary : { 'Content-Length': 0 };
    discard(await send(repository, { method: 'PUT', path: 'blobs/uploads/', url, expects: [201, 204], headers, body }));
  }

  async function putBlob(repository: RepositoryName, blob: SizedBlob, open: BlobReader): Promise<void> {
    const { digest, sizeBytes } = blob;
    const earlier = await resume(repository, blob);
    const upload = earlier ?? { url: await begin(repository), received: 0 };
    const isSmall = upload.received === 0 && (partBytes === 0 || sizeBytes <= partBytes);
    if (isSmall) {
      const body = sizeBytes === 0 ? bodyOf(Buffer.alloc(0)) : paced(sizeBytes, () => open(0, sizeBytes - 1));
      await finish(repository, digest, upload.url, body);
    } else {
      if (!earlier) await sessions.put(repository, digest, upload.url.href);
      await finish(repository, digest, await sendParts(repository, blob, upload, open));
    }
    await sessions.remove(repository, digest);
  }

  async function put(
    repository: RepositoryName,
    reference: string,
    { bytes, mediaType }: ManifestContent,
  ): Promise<UpstreamResponse> {
    const response = await send(repository, {
      method: 'PUT',
      path: `manifests/${reference}`,
      expects: [201, 200],
      headers: { 'Content-Type': mediaType },
      body: bodyOf(bytes),
    });
    discard(response);
    return response;
  }

  /** Lists a referrer under the tag of its subject, for a registry without the referrers API. */
  async function listReferrer(repository: RepositoryName, subject: Digest, content: ManifestContent): Promise<void> {
    const [tag = ''] = subjectTags(subject);
    const current = (await requests.findTag(repository, tag)) ? await requests.fetchManifest(repository, tag) : undefined;
    const index = withReferrer(current, content);
    if (index) await put(repository, tag, index);
  }

  return {
    ...requests,
    hasManifest: (repository, digest) => exists(repository, `manifests/${digest}`),
    hasBlob: (repository, digest) => exists(repository, `blobs/${digest}`),
    async mountBlob(repository, digest) {
      const from = (await holders(digest)).find((name) => name !== repository);
      if (from === undefined) return false;
      const path = `blobs/uploads/?mount=${digest}&from=${encodeURIComponent(remoteName(from))}`;
      const scope = `repository:${remoteName(repository)}:pull,push repository:${remoteName(from)}:pull`;
      const request = { method: 'POST', path, scope, expects: [201, 202], headers: { 'Content-Length': 0 } } as const;
      const response = await send(repository, request).catch(unlessRefused);
      if (!response) return false;
      if (response.statusCode === 201) {
        discard(response);
        return true;
      }
      await sessions.put(repository, digest, locationOf(response, requests.addressOf(repository, path)).href);
      return false;
    },
    putBlob,
    async putManifest(repository, content) {
      const { subject } = parseManifest(content.bytes, content.mediaType);
      const response = await put(repository, content.digest, content);
      if (subject && response.headers['oci-subject'] === undefined) await listReferrer(repository, subject, content);
    },
    async putTag(repository, tag, content) {
      await put(repository, tag, content);
    },
    checkTag: () => Promise.resolve(),
    deleteTag: () => Promise.reject(new Error('tags are deleted in this registry only')),
  };
}

/** Resolves to undefined for a refused mount: the blob is uploaded instead. */
function unlessRefused(error: unknown): undefined {
  const { status = 0, code } = error instanceof UpstreamError ? error : {};
  if (status < 400 || status >= 500 || code === 'limited') throw error;
}

interface Upload {
  readonly url: URL;
  readonly received: number;
}

/** `Range: 0-499` is 500 bytes. Distribution also sends `0-0` for an upload without bytes. */
function receivedBytes(range: string | undefined): number {
  const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(range ?? '') ?? [];
  return last === undefined || last === '0' ? 0 : Number(last) + 1;
}

/** Returns the index of referrers with the manifest added; undefined if it is listed already. */
function withReferrer(
  index: ManifestContent | undefined,
  { digest, mediaType, bytes }: ManifestContent,
): ManifestContent | undefined {
  const document = (index ? JSON.parse(index.bytes.toString()) : {}) as { readonly manifests?: readonly { digest?: unknown }[] };
  const listed = document.manifests ?? [];
  if (listed.some((one) => parseDigest(String(one.digest)) === digest)) return undefined;
  const { artifactType, annotations } = parseManifest(bytes, mediaType);
  const manifests = [...listed, { mediaType, digest, size: bytes.length, artifactType, annotations }];
  const text = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  return { digest, mediaType: mediaTypes.ociIndex, bytes: Buffer.from(text) };
}
