import type { IncomingMessage } from 'node:http';
import { type Digest, digestAlgorithm, digestOf, parseDigest } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { type ManifestContents, isSpecificType, readManifestContents } from './manifest-contents.ts';
import type { MirroredRepository } from '../names/routing.ts';
import { isSignedPayloadOf } from './schema1-digest.ts';
import { readWhole } from '../../upstream/transport.ts';
import type { UpstreamClient } from '../../upstream/upstream-client.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';

/** The properties of a manifest in an upstream's headers. */
export interface ManifestFacts {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

export interface RemoteManifest extends ManifestFacts {
  readonly bytes: Buffer;
  readonly contents: ManifestContents;
  /** False for a signed schema 1 manifest: its digest is not that of its bytes, so no store can hold it under that name. */
  readonly isStorable: boolean;
}

/** Manifests as the upstream has them: one request for each call. Rejects with `UpstreamError`. */
export interface RemoteManifests {
  /** Without the manifest itself: Docker Hub does not count it as a pull. */
  head(source: MirroredRepository, reference: string): Promise<ManifestFacts>;
  /** The manifest, its digest checked, and against `expected` where there is one. */
  get(source: MirroredRepository, reference: string, expected?: Digest): Promise<RemoteManifest>;
}

/** All types of manifests, whatever the current client accepts: the stored manifest serves all clients. */
const accept = [...Object.values(mediaTypes), '*/*'].join(', ');

export function createRemoteManifests(
  clientOf: (source: MirroredRepository) => UpstreamClient,
  largestBytes: number,
  onReceived: (source: MirroredRepository, bytes: number) => void,
): RemoteManifests {
  async function get(source: MirroredRepository, reference: string, expected?: Digest): Promise<RemoteManifest> {
    const response = await ask(source, 'GET', reference);
    const bytes = await readWhole(response, largestBytes);
    onReceived(source, bytes.length);
    const { digest, isStorable } = verified(bytes, expected ?? digestHeader(response));
    const contents = readManifestContents(bytes, contentType(response));
    if (!contents) throw new UpstreamError('bad_content', 'the upstream sent no manifest');
    return { digest, mediaType: contents.mediaType, sizeBytes: bytes.length, bytes, contents, isStorable };
  }

  function ask(
    { remoteName, ...source }: MirroredRepository,
    method: 'GET' | 'HEAD',
    reference: string,
  ): Promise<IncomingMessage> {
    return clientOf({ remoteName, ...source }).request({ method, remoteName, path: `manifests/${reference}`, accept });
  }

  return {
    get,
    async head(source, reference) {
      const response = await ask(source, 'HEAD', reference);
      response.resume();
      const digest = digestHeader(response);
      const length = response.headers['content-length'];
      const mediaType = contentType(response);
      // Some registries answer HEAD with less than they should.
      if (!digest || length === undefined || !isSpecificType(mediaType)) return factsOf(await get(source, reference));
      return { digest, mediaType, sizeBytes: Number(length) };
    },
  };
}

/** Answers to HEAD are remembered: not the manifest with them. */
function factsOf({ digest, mediaType, sizeBytes }: RemoteManifest): ManifestFacts {
  return { digest, mediaType, sizeBytes };
}

function digestHeader({ headers }: IncomingMessage): Digest | undefined {
  const text = headers['docker-content-digest'];
  return typeof text === 'string' ? parseDigest(text) : undefined;
}

function contentType({ headers }: IncomingMessage): string {
  return headers['content-type']?.split(';', 1)[0]?.trim() ?? '';
}

function verified(bytes: Buffer, expected: Digest | undefined): { readonly digest: Digest; readonly isStorable: boolean } {
  const actual = digestOf(bytes, expected && digestAlgorithm(expected));
  if (!expected || actual === expected) return { digest: actual, isStorable: true };
  if (isSignedPayloadOf(expected, bytes)) return { digest: expected, isStorable: false };
  throw new UpstreamError('bad_content', 'the manifest has another digest than its name');
}
