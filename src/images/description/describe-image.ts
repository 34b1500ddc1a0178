import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { readAll } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { ContentMissing, openContent } from '../../content/missing-content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { InvalidManifest } from '../../oci/json-fields.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { kindOfManifest } from '../../oci/media-types.ts';
import { type PlatformEntry, choosePlatformEntry, platformEntries } from '../../oci/index-entries.ts';
import { type Platform, platformName } from '../../oci/platform.ts';
import type { Reference, RepositoryName } from '../../oci/reference.ts';
import type { Manifests } from '../../registry/manifests.ts';
import { type ImageConfig, readImageConfig } from './image-config.ts';

/** A manifest as people look at it. Sizes in bytes. */
export interface ImageDescription {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly kind: 'index' | 'image' | 'artifact';
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly subject: Digest | undefined;
  /** The first tags of the manifest. */
  readonly tags: readonly string[];
  /** The images of an index; empty for everything else. */
  readonly platforms: readonly PlatformImage[];
  /** The image itself, or that of the wanted platform; undefined for artifacts, and where its manifest is not stored here. */
  readonly image: SingleImage | undefined;
  /** The files of an artifact. */
  readonly files: readonly ArtifactFile[];
}

export interface PlatformImage {
  readonly platform: string;
  readonly digest: Digest;
  /** Of its manifest, configuration and layers; undefined where its manifest is not stored here. */
  readonly downloadBytes: number | undefined;
  /** True if `image` describes it. */
  readonly isShown: boolean;
}

export interface SingleImage {
  readonly digest: Digest;
  readonly downloadBytes: number;
  /** Undefined where it is not stored here or cannot be read. */
  readonly config: ImageConfig | undefined;
  /** From the bottom to the top. */
  readonly layers: readonly Descriptor[];
}

export interface ArtifactFile extends Descriptor {
  /** `org.opencontainers.image.title` */
  readonly name: string | undefined;
}

/** Describes what a repository has. Nothing is fetched from an upstream. */
export interface Descriptions {
  /** `platform`: of the image of an index; default: linux/amd64, or the first. Throws MANIFEST_UNKNOWN, `ContentMissing`. */
  describe(repository: RepositoryName, reference: Reference, platform?: Platform): Promise<ImageDescription>;
  /** Returns the exact bytes of the manifest. Throws MANIFEST_UNKNOWN, `ContentMissing`. */
  bytes(repository: RepositoryName, reference: Reference): Promise<Buffer>;
  /**
   * Returns the exact bytes of the configuration of an image, or of that of the platform; undefined where it is not stored here,
   * or has more than 4 MiB. Throws as `describe` does.
   */
  configBytes(repository: RepositoryName, reference: Reference, platform?: Platform): Promise<Buffer | undefined>;
}

export interface DescriptionsOptions {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'blobs' | 'tags'>;
  readonly manifests: Pick<Manifests, 'find' | 'bytes'>;
}

const maxConfigBytes = 4 * 1024 * 1024;
const maxTags = 100;
const maxPlatforms = 100;
const titleAnnotation = 'org.opencontainers.image.title';

interface ReadManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** Undefined if it cannot be read: mirrored manifests are kept as they came. */
  readonly manifest: Manifest | undefined;
}

export function createDescriptions({ driver, metadata, manifests }: DescriptionsOptions): Descriptions {
  async function read(repository: RepositoryName, reference: Reference): Promise<ReadManifest> {
    const { digest, mediaType, sizeBytes } = await manifests.find(repository, reference);
    const bytes = await manifests.bytes(digest, sizeBytes);
    return { digest, mediaType, bytes, manifest: parsed(bytes, mediaType) };
  }

  /** Returns undefined for what is not stored here. */
  const readStored = (repository: RepositoryName, digest: Digest): Promise<ReadManifest | undefined> =>
    read(repository, { digest }).catch((error: unknown) => {
      if (error instanceof ContentMissing || (error instanceof OciError && error.status === 404)) return undefined;
      throw error;
    });

  async function configBytesOf(repository: RepositoryName, config: Descriptor): Promise<Buffer | undefined> {
    const { digest, sizeBytes } = config;
    if (sizeBytes > maxConfigBytes || !(await metadata.blobs.findLink(repository, digest))) return undefined;
    try {
      const object = await openContent(driver, digest, sizeBytes);
      return await readAll(object).finally(() => object.close());
    } catch (error) {
      if (error instanceof ContentMissing) return undefined;
      throw error;
    }
  }

  async function readConfig(repository: RepositoryName, config: Descriptor): Promise<ImageConfig | undefined> {
    const bytes = await configBytesOf(repository, config);
    try {
      return bytes && readImageConfig(JSON.parse(bytes.toString()));
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async function toImage(repository: RepositoryName, read: ReadManifest): Promise<SingleImage | undefined> {
    const [config, ...layers] = read.manifest?.blobs ?? [];
    if (!config) return undefined;
    return { digest: read.digest, downloadBytes: downloadBytesOf(read), config: await readConfig(repository, config), layers };
  }

  async function toPlatforms(repository: RepositoryName, index: ReadManifest, wanted: Platform | undefined) {
    const entries = entriesOf(index);
    const shown = choosePlatformEntry(entries, wanted);
    const images = await Promise.all(entries.map(({ descriptor }) => readStored(repository, descriptor.digest)));
    const platforms = entries.map((entry, number) => {
      const { digest } = entry.descriptor;
      const image = images[number];
      const downloadBytes = image && downloadBytesOf(image);
      return { platform: platformName(entry.platform), digest, downloadBytes, isShown: digest === shown?.descriptor.digest };
    });
    const image = shown && images[entries.indexOf(shown)];
    return { platforms, image: image && (await toImage(repository, image)) };
  }

  return {
    async describe(repository, reference, platform) {
      const found = await read(repository, reference);
      const { digest, mediaType, manifest } = found;
      const kind = kindOfManifest(mediaType, manifest?.artifactType ?? null);
      const parts =
        kind === 'index'
          ? await toPlatforms(repository, found, platform)
          : { platforms: [], image: kind === 'image' ? await toImage(repository, found) : undefined };
      return {
        digest,
        mediaType,
        kind,
        artifactType: kind === 'artifact' ? manifest?.artifactType : undefined,
        annotations: manifest?.annotations ?? {},
        subject: manifest?.subject,
        tags: (await metadata.tags.listOf(repository, digest)).slice(0, maxTags),
        ...parts,
        files: kind === 'artifact' && manifest ? filesOf(found.bytes) : [],
      };
    },

    bytes: async (repository, reference) => (await read(repository, reference)).bytes,

    async configBytes(repository, reference, platform) {
      const found = await read(repository, reference);
      const entry = choosePlatformEntry(entriesOf(found), platform);
      const image = entry ? await readStored(repository, entry.descriptor.digest) : found;
      const [config] = image?.manifest?.blobs ?? [];
      return config && configBytesOf(repository, config);
    },
  };
}

/** Returns the entries of an index for platforms; none for another manifest. */
function entriesOf({ manifest, bytes }: ReadManifest): readonly PlatformEntry[] {
  return manifest ? platformEntries(manifest, JSON.parse(bytes.toString())).slice(0, maxPlatforms) : [];
}

function parsed(bytes: Buffer, mediaType: string): Manifest | undefined {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof InvalidManifest) return undefined;
    throw error;
  }
}

function downloadBytesOf({ bytes, manifest }: ReadManifest): number {
  return (manifest?.blobs ?? []).reduce((sum, { sizeBytes }) => sum + sizeBytes, bytes.length);
}

/** Reads the files of an artifact that was parsed before, with their names. */
function filesOf(bytes: Buffer): readonly ArtifactFile[] {
  type Entry = { readonly mediaType: string; readonly digest: Digest; readonly size: number; readonly annotations?: unknown };
  const { layers, blobs } = JSON.parse(bytes.toString()) as {
    readonly layers?: readonly Entry[];
    readonly blobs?: readonly Entry[];
  };
  return (layers ?? blobs ?? []).map(({ mediaType, digest, size, annotations }) => {
    const name = (annotations as Readonly<Record<string, unknown>> | undefined)?.[titleAnnotation];
    return { mediaType, digest, sizeBytes: size, name: typeof name === 'string' ? name : undefined };
  });
}
