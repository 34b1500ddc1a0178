import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { putContent } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { claimLost } from '../../content/claims.ts';
import { storeThenRecord } from '../../content/trash.ts';
import type { MirrorEvents } from '../events/mirror-events.ts';
import { toMirroredRepository } from '../names/repository-ref.ts';
import type { ManifestFacts, RemoteManifest } from '../remote/remote-manifests.ts';
import type { MirroredRepository } from '../names/routing.ts';
import type { Digest } from '../../oci/digest.ts';

/** Stores manifests of upstreams where the registry finds them. */
export interface ManifestStore {
  /** Stores the manifest, and that `tag` points at it now. Never rejects: failures of the store are logged. */
  keep(source: MirroredRepository, manifest: RemoteManifest, tag: string | undefined): Promise<void>;
  /** Records what the tag points at now. A tag that has a manifest here keeps it until `publish`. Never rejects. */
  point(source: MirroredRepository, tag: string, facts: ManifestFacts): Promise<void>;
  /** Gives the tag the manifest, if the manifest is stored and the tag still points at it. Never rejects. */
  publish(source: MirroredRepository, tag: string, digest: Digest): Promise<void>;
}

export interface ManifestStoreOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly now: () => number;
  /** Reserves space for a manifest; false if there is none. */
  readonly reserve: (digest: Digest, sizeBytes: number) => Promise<boolean>;
  /** Runs `work`, which stores and records the manifest; ends the reservation if it fails. */
  readonly arriving: (digest: Digest, work: () => Promise<unknown>) => Promise<unknown>;
  readonly events: Pick<MirrorEvents, 'manifestNotStored'>;
}

export function createManifestStore(options: ManifestStoreOptions): ManifestStore {
  const { driver, metadata, now, reserve, arriving, events } = options;

  async function record(source: MirroredRepository, manifest: RemoteManifest, claimant: string): Promise<boolean> {
    const { digest, sizeBytes, contents } = manifest;
    return metadata.mirroredContent.recordManifest({
      ...toMirroredRepository(source),
      digest,
      sizeBytes,
      mediaType: contents.mediaType,
      artifactType: contents.artifactType ?? null,
      subject: contents.subject ?? null,
      annotations: contents.annotations ? JSON.stringify(contents.annotations) : null,
      // For content without a size the upstream is asked when a client requests it.
      promises: [...contents.blobs, ...contents.children].flatMap(({ digest, sizeBytes }) =>
        sizeBytes === undefined ? [] : [{ digest, sizeBytes }],
      ),
      tags: [],
      now: now(),
      claimant,
    });
  }

  async function surviving(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      events.manifestNotStored(error);
    }
  }

  async function store(source: MirroredRepository, manifest: RemoteManifest): Promise<void> {
    const { digest, sizeBytes, bytes } = manifest;
    if (!(await reserve(digest, sizeBytes))) throw new Error('the mirror is full, and evicted content is not deleted yet');
    const recording = {
      digest,
      store: () => putContent(driver, blobKey(digest), bytes),
      record: async (claimant: string) => (await record(source, manifest, claimant)) || claimLost,
    };
    await arriving(digest, () => storeThenRecord({ driver, metadata, now }, recording));
  }

  function point(source: MirroredRepository, tag: string, facts: ManifestFacts): Promise<void> {
    const { digest, mediaType, sizeBytes } = facts;
    return surviving(() =>
      metadata.mirroredTags.record({ ...toMirroredRepository(source), tag, digest, mediaType, sizeBytes, now: now() }),
    );
  }

  return {
    point,
    publish: ({ repository }, tag, digest) => surviving(() => metadata.mirroredTags.publish(repository, tag, digest)),
    async keep(source, manifest, tag) {
      if (manifest.isStorable) await surviving(() => store(source, manifest));
      if (tag !== undefined) await point(source, tag, manifest);
    },
  };
}
