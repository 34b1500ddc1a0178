import type { Digest } from '../../oci/digest.ts';
import { createRemoteListings } from '../remote/remote-listings.ts';
import { createRemoteManifests } from '../remote/remote-manifests.ts';
import type { MirroredRepository } from '../names/routing.ts';
import type { UpstreamClient } from '../../upstream/upstream-client.ts';

/** The view of an upstream without a login. Rejects with `UpstreamError`. */
export interface AnonymousView {
  /** By one HEAD. */
  digestOf(source: MirroredRepository, reference: string): Promise<Digest>;
  firstTag(source: MirroredRepository): Promise<string | undefined>;
}

export interface AnonymousViewOptions {
  readonly clientOf: (source: MirroredRepository) => UpstreamClient;
  readonly largestManifestBytes: number;
  readonly now: () => number;
  readonly onReceived: (source: MirroredRepository, bytes: number) => void;
}

export function createAnonymousView(options: AnonymousViewOptions): AnonymousView {
  const { clientOf, largestManifestBytes, now, onReceived } = options;
  const manifests = createRemoteManifests(clientOf, largestManifestBytes, onReceived);
  const listings = createRemoteListings({ clientOf, now, freshnessSeconds: 0, onReceived });
  return {
    digestOf: async (source, reference) => (await manifests.head(source, reference)).digest,
    firstTag: async (source) => (await listings.tags(source, new URLSearchParams({ n: '1' }))).items[0],
  };
}
