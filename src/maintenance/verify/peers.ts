import { Readable } from 'node:stream';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { putContent } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { claimLost } from '../../content/claims.ts';
import { storeThenRecord } from '../../content/trash.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { createUploads } from '../../registry/uploads.ts';

/** Another registry that may have content of this one, because an entry of `sync` copies between both. */
export interface Peer {
  /** Name of the registry, for messages. */
  readonly registry: string;
  /** Returns the name that the other registry has for the repository; undefined if the entry is not for it. */
  nameOf(repository: RepositoryName): RepositoryName | undefined;
  /** Returns the bytes of the manifest, its digest verified. `name`: that of the other registry. */
  manifest(name: RepositoryName, digest: Digest): Promise<Uint8Array>;
  /** Yields the bytes of the blob, which are not verified. `name`: that of the other registry. */
  openBlob(name: RepositoryName, digest: Digest, sizeBytes: number): AsyncIterable<Uint8Array>;
}

/** One way to get content again. */
export interface Attempt {
  /** Where the content comes from, for messages. */
  readonly source: string;
  /** Fetches, verifies and stores the content. */
  fetch(): Promise<void>;
}

export interface PeerAttemptsOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly peers: readonly Peer[];
}

export interface PeerAttempts {
  /** Returns an attempt for each peer that may have the content of one of the repositories. */
  of(digest: Digest, kind: 'manifest' | 'blob', repositories: readonly RepositoryName[]): Promise<readonly Attempt[]>;
}

/** Gets content of pushed repositories again from the registries of `sync`. It counts in quotas already: it needs no room. */
export function createPeerAttempts({ driver, metadata, now, peers }: PeerAttemptsOptions): PeerAttempts {
  const uploads = createUploads({ driver, metadata, now });

  /** The record of the manifest stays as it is: a repair is no push. */
  async function storeManifest(digest: Digest, bytes: Uint8Array): Promise<void> {
    await storeThenRecord(
      { driver, metadata, now },
      {
        digest,
        store: () => putContent(driver, blobKey(digest), bytes),
        record: async (claimant) => (await metadata.corruptContent.recordStored(digest, claimant, now())) || claimLost,
      },
    );
  }

  async function fetchFrom(peer: Peer, name: RepositoryName, repository: RepositoryName, digest: Digest, kind: string) {
    if (kind === 'manifest') return storeManifest(digest, await peer.manifest(name, digest));
    const [content] = await metadata.contentChecks.findAll([digest]);
    if (!content) throw new Error('the content was deleted meanwhile');
    const { sizeBytes } = content;
    // An empty blob is known without a request, and there is no range of bytes to ask for.
    const body = sizeBytes === 0 ? Readable.from([]) : peer.openBlob(name, digest, sizeBytes);
    await uploads.put(repository, digest, { body, length: sizeBytes });
  }

  return {
    async of(digest, kind, repositories) {
      const attempts: Attempt[] = [];
      for (const repository of new Set(repositories)) {
        if (peers.length === 0 || !(await metadata.repositories.isPushed(repository))) continue;
        for (const peer of peers) {
          const name = peer.nameOf(repository);
          if (name === undefined) continue;
          const fetch = () => fetchFrom(peer, name, repository, digest, kind);
          attempts.push({ source: `${peer.registry}/${name}`, fetch });
        }
      }
      return attempts;
    },
  };
}
