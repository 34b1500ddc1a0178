import { type Digest, digestAlgorithm, digestOf, parseDigest } from '../../oci/digest.ts';
import { isManifestType, mediaTypes } from '../../oci/media-types.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { type UpstreamResponse, readWhole } from '../../upstream/transport.ts';
import { type UpstreamClient, type UpstreamRequest, addressAt } from '../../upstream/upstream-client.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { ManifestContent, Side } from './entry.ts';

export interface RemoteOptions {
  readonly client: UpstreamClient;
  /** Address of the registry. */
  readonly base: URL;
  /** Returns the name that the registry knows the repository by: `library/alpine` for `alpine` at Docker Hub. */
  readonly remoteName: (repository: RepositoryName) => string;
  readonly largestManifestBytes: number;
  /** Ends running requests. */
  readonly signal: AbortSignal;
  /** Counts received or sent bytes of blobs; resolves when more may follow. */
  readonly spend: (bytes: number) => Promise<void>;
  /** What tokens must permit. */
  readonly actions: 'pull' | 'pull,push';
}

/** Requests to another registry that both sides make. */
export interface RemoteRequests extends Side {
  /** Sends a request about the repository. Rejects with `UpstreamError`. */
  send(repository: RepositoryName, request: Omit<UpstreamRequest, 'remoteName'>): Promise<UpstreamResponse>;
  /** Returns the address of a path below the repository. */
  addressOf(repository: RepositoryName, path: string): URL;
  /** Returns the manifest that the tag or digest stands for. Rejects with `UpstreamError`. */
  fetchManifest(repository: RepositoryName, reference: string): Promise<ManifestContent>;
}

const accept = Object.values(mediaTypes).join(', ');

export function createRemoteRequests(options: RemoteOptions): RemoteRequests {
  const { client, base, remoteName, largestManifestBytes, signal, spend, actions } = options;

  function send(repository: RepositoryName, request: Omit<UpstreamRequest, 'remoteName'>): Promise<UpstreamResponse> {
    const name = remoteName(repository);
    return client.request({ signal, scope: `repository:${name}:${actions}`, ...request, remoteName: name });
  }

  async function fetchManifest(repository: RepositoryName, reference: string): Promise<ManifestContent> {
    const response = await send(repository, { method: 'GET', path: `manifests/${reference}`, accept });
    const bytes = await readWhole(response, largestManifestBytes);
    const named = parseDigest(reference) ?? digestIn(response);
    const digest = digestOf(bytes, named && digestAlgorithm(named));
    if (named && digest !== named)
      throw new UpstreamError('bad_content', `the manifest ${reference} has another digest: ${digest}`);
    return { digest, mediaType: mediaTypeOf(response, bytes), bytes };
  }

  return {
    send,
    addressOf: (repository, path) => addressAt(base, `${remoteName(repository)}/${path}`),
    fetchManifest,
    async findTag(repository, tag) {
      try {
        const response = await send(repository, { method: 'HEAD', path: `manifests/${tag}`, accept });
        response.resume();
        // Some registries answer HEAD with less than they should.
        return digestIn(response) ?? (await fetchManifest(repository, tag)).digest;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    manifest: (repository, digest) => fetchManifest(repository, digest),
    async *openBlob(repository, digest, first, last) {
      const response = await send(repository, {
        method: 'GET',
        path: `blobs/${digest}`,
        ...(first > 0 ? { range: `bytes=${first}-${last}` } : {}),
      });
      yield* readFrom(response, first, last, spend);
    },
  };
}

/** Yields the bytes of the blob from `first` to `last`. A registry that ignores ranges sends the whole blob. */
async function* readFrom(
  response: UpstreamResponse,
  first: number,
  last: number,
  spend: (bytes: number) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  try {
    let at = response.statusCode === 206 ? first : 0;
    if (response.statusCode === 206 && rangeStart(response) !== first)
      throw new UpstreamError('bad_content', 'the registry sent another range than it was asked for');
    for await (const chunk of response as AsyncIterable<Buffer>) {
      await spend(chunk.length);
      const wanted = chunk.subarray(Math.min(chunk.length, Math.max(0, first - at)));
      at += chunk.length;
      if (at > last + 1) throw new UpstreamError('bad_content', 'the registry sent more than the blob has');
      if (wanted.length > 0) yield wanted;
    }
  } catch (error) {
    throw error instanceof UpstreamError ? error : new UpstreamError('failed', 'the download broke off', { cause: error });
  } finally {
    response.destroy();
  }
}

/** Some registries send every JSON document as `application/json`. Empty if neither the header nor the manifest has its type. */
function mediaTypeOf({ headers }: UpstreamResponse, bytes: Buffer): string {
  const sent = headers['content-type']?.split(';', 1)[0]?.trim() ?? '';
  if (isManifestType(sent)) return sent;
  try {
    const { mediaType } = JSON.parse(bytes.toString()) as { readonly mediaType?: unknown };
    return typeof mediaType === 'string' ? mediaType : '';
  } catch {
    return '';
  }
}

function rangeStart({ headers }: UpstreamResponse): number | undefined {
  const match = /^bytes (\d+)-/.exec(headers['content-range'] ?? '');
  return match ? Number(match[1]) : undefined;
}

function digestIn({ headers }: UpstreamResponse): Digest | undefined {
  const text = headers['docker-content-digest'];
  return typeof text === 'string' ? parseDigest(text) : undefined;
}

export function isNotFound(error: unknown): boolean {
  return error instanceof UpstreamError && error.code === 'not_found';
}
