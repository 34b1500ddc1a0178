import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLeases } from '../../src/coordination/leases.ts';
import { type Images, type ImagesOptions, createImages } from '../../src/images/images.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type RepositoryName, parseReference } from '../../src/oci/reference.ts';
import { deletableKinds } from '../../src/registry/deletions.ts';
import { type Registry, createRegistry } from '../../src/registry/registry.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { descriptor, digestOf } from './images.ts';

/** Stores with images, and services for what is inside of them. */
export interface ImageRoom {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly registry: Registry;
  /** Kinds of the indexes that were built, in order. */
  readonly built: string[];
  /** Creates a service as another replica has it; it is closed with the room. */
  replica(options?: Partial<ImagesOptions>): Images;
  /** Pushes an image of the layers, from the bottom to the top; returns its digest. */
  push(tag: string, layers: readonly Buffer[], config?: Readonly<Record<string, unknown>>): Promise<Digest>;
  close(): Promise<void>;
}

export const repository = 'team/app' as RepositoryName;

/** Returns the address of a tag or digest. */
export function at(reference: string) {
  const parsed = parseReference(reference);
  if (!parsed) throw new Error(`${reference} is no reference`);
  return { repository, reference: parsed };
}

export async function openImageRoom(): Promise<ImageRoom> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-images-'));
  const driver = await createFilesystemDriver({ directory });
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const registry = createRegistry({
    driver,
    metadata,
    now: Date.now,
    acceptMissing: false,
    deletion: { kinds: deletableKinds, windowSeconds: 0 },
  });
  const opened: Images[] = [];
  const built: string[] = [];

  async function pushBlob(bytes: Uint8Array): Promise<void> {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(bytes);
    }
    await registry.uploads.put(repository, digestOf(bytes), { body: body(), range: undefined, length: bytes.length });
  }

  return {
    driver,
    metadata,
    registry,
    built,
    replica(options = {}) {
      const images = createImages({
        driver,
        metadata,
        manifests: registry.manifests,
        listings: registry.listings,
        now: Date.now,
        mode: 'view',
        leases: createLeases({ metadata, now: Date.now }),
        events: { built: (kind) => void built.push(kind), failed: () => undefined },
        onFailure(error) {
          throw error;
        },
        ...options,
      });
      opened.push(images);
      return images;
    },
    async push(tag, layers, config = {}) {
      const configBytes = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', ...config }));
      for (const bytes of [...layers, configBytes]) await pushBlob(bytes);
      const manifest = {
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: descriptor(configBytes, 'application/vnd.oci.image.config.v1+json'),
        layers: layers.map((layer) => descriptor(layer)),
      };
      const bytes = Buffer.from(JSON.stringify(manifest));
      const { digest } = await registry.manifests.put(repository, at(tag).reference, [], bytes, mediaTypes.ociManifest);
      return digest;
    },
    async close() {
      for (const images of opened) await images.close();
      await registry.uploads.close();
      await metadata.close();
      await driver.close();
      await rm(directory, { recursive: true });
    },
  };
}
