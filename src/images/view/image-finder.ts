import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { readAll } from '../../../storage/blobs/missing.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { createLru } from '../../coordination/lru.ts';
import { openContent } from '../../content/missing-content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { InvalidManifest } from '../../oci/json-fields.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { type PlatformEntry, platformEntries } from '../../oci/index-entries.ts';
import { type Platform, defaultPlatform, matchesPlatform, platformName } from '../../oci/platform.ts';
import type { Reference, RepositoryName } from '../../oci/reference.ts';
import type { Manifests } from '../../registry/manifests.ts';
import { ImageError } from '../index/image-error.ts';

/** The manifest of an image for one platform. */
export interface FoundImage {
  readonly repository: RepositoryName;
  /** Of the image's own manifest, also if the reference names an index. */
  readonly digest: Digest;
  /** As the index names it, such as linux/amd64; undefined if the reference names the image itself. */
  readonly platform: string | undefined;
  /** Platforms of the index; empty if the reference names the image itself. */
  readonly platforms: readonly string[];
  readonly config: Descriptor;
  /** From the bottom to the top, without foreign ones. */
  readonly layers: readonly Descriptor[];
  /** Number of layers whose content clients get elsewhere (image-spec, layer.md: non-distributable), such as those of Windows. */
  readonly foreignLayers: number;
}

/** Finds images that a repository has. Nothing is fetched from an upstream. */
export interface ImageFinder {
  /** `platform`: of the image that an index is asked for; default: linux/amd64, or the first. Throws `ImageError`. */
  find(repository: RepositoryName, reference: Reference, platform?: Platform): Promise<FoundImage>;
  /** Returns the layers that the repository does not have, or that are not stored here. */
  missingLayers(image: FoundImage): Promise<readonly Digest[]>;
  /** Returns the configuration of the image, as JSON. Throws `ImageError` if it is not stored here or not JSON. */
  config(image: FoundImage): Promise<unknown>;
}

export interface ImageFinderOptions {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'blobs'>;
  readonly manifests: Pick<Manifests, 'find' | 'bytes'>;
}

const maxConfigBytes = 4 * 1024 * 1024;
/** Configurations that are kept, each of at most so many bytes: those of nearly all images. */
const keptConfigs = 50;
const maxKeptBytes = 64 * 1024;

/** Layers that are tar archives, plain or compressed (image-spec, layer.md; Docker schema 2). */
const layerTypes =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(?:\.gzip|\.zstd)?)$/;

export function createImageFinder({ driver, metadata, manifests }: ImageFinderOptions): ImageFinder {
  const configs = createLru<{ readonly value: unknown }>(keptConfigs);

  async function read(
    repository: RepositoryName,
    reference: Reference,
  ): Promise<{ digest: Digest; manifest: Manifest; bytes: Buffer }> {
    const found = await manifests.find(repository, reference).catch((error: unknown) => {
      throw error instanceof OciError && error.status === 404 ? notStored(reference) : error;
    });
    const bytes = await manifests.bytes(found.digest, found.sizeBytes);
    return { digest: found.digest, manifest: parse(bytes, found.mediaType), bytes };
  }

  async function isStored(repository: RepositoryName, { digest }: Descriptor): Promise<boolean> {
    return (await metadata.blobs.findLink(repository, digest)) !== undefined;
  }

  return {
    async find(repository, reference, platform) {
      const { digest, manifest, bytes } = await read(repository, reference);
      if (manifest.children.length === 0) {
        return { repository, digest, platform: undefined, platforms: [], ...partsOf(manifest) };
      }
      const children = platformEntries(manifest, JSON.parse(bytes.toString()));
      const child = choose(children, platform);
      const image = await read(repository, { digest: child.descriptor.digest });
      const platforms = children.map((one) => platformName(one.platform));
      return { repository, digest: image.digest, platform: platformName(child.platform), platforms, ...partsOf(image.manifest) };
    },

    async missingLayers({ repository, layers }) {
      const stored = await Promise.all(layers.map((layer) => isStored(repository, layer)));
      return layers.filter((_, index) => stored[index] !== true).map(({ digest }) => digest);
    },

    async config({ repository, config }) {
      if (config.sizeBytes > maxConfigBytes) throw new ImageError('unsupported', 'the configuration of the image is too large');
      if (!(await isStored(repository, config))) throw notStored({ digest: config.digest });
      const known = configs.get(config.digest);
      if (known) return known.value;
      const value = await readConfig(driver, config);
      if (config.sizeBytes <= maxKeptBytes) configs.set(config.digest, { value });
      return value;
    },
  };
}

async function readConfig(driver: BlobDriver, { digest, sizeBytes }: Descriptor): Promise<unknown> {
  const object = await openContent(driver, digest, sizeBytes);
  try {
    return JSON.parse((await readAll(object)).toString()) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw new ImageError('unsupported', 'the configuration of the image is not JSON');
    throw error;
  } finally {
    await object.close();
  }
}

function notStored({ tag, digest }: Reference): ImageError {
  return new ImageError('not_found', `${tag ?? digest} is not stored here: a mirrored image is stored after its first pull`);
}

function parse(bytes: Buffer, mediaType: string): Manifest {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof InvalidManifest) throw new ImageError('unsupported', `the manifest cannot be read: ${error.message}`);
    throw error;
  }
}

function partsOf({
  blobs: [config, ...layers],
  foreignLayers,
  mediaType,
}: Manifest): Pick<FoundImage, 'config' | 'layers' | 'foreignLayers'> {
  if (!config) throw new ImageError('unsupported', `a manifest of the type ${mediaType} has no layers`);
  const other = layers.find((layer) => !layerTypes.test(layer.mediaType));
  if (other) throw new ImageError('unsupported', `a layer has the type ${other.mediaType}, which is not an archive of files`);
  return { config, layers, foreignLayers };
}

function choose(children: readonly PlatformEntry[], wanted: Platform | undefined): PlatformEntry {
  const named = children.find(({ platform }) => matchesPlatform(wanted ?? defaultPlatform, platform));
  const child = named ?? (wanted === undefined ? children[0] : undefined);
  if (child) return child;
  if (children.length === 0) throw new ImageError('unsupported', 'the index lists no image for a platform');
  const names = children.map(({ platform }) => platformName(platform)).join(', ');
  throw new ImageError('not_found', `the image is not there for the wanted platform; it is there for ${names}`);
}
