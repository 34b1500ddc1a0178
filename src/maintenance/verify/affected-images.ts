import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { AffectedManifest } from '../../../storage/metadata/queries/verification/affected.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { readStoredJson } from '../../content/stored-json.ts';
import { type Digest, parseDigest } from '../../oci/digest.ts';
import { type Fields, fieldsOf } from '../../oci/foreign-json.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** An image that cannot be pulled while some content is missing or wrong. */
export interface AffectedImage {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** Tags of the image and of the indexes that contain it, at most 20 of each. */
  readonly tags: readonly string[];
  /** Such as `linux/amd64`; undefined if neither an index nor the configuration says so, or they cannot be read. */
  readonly platform: string | undefined;
}

/** The images that need some content; `more`: there are others. */
export interface AffectedImages {
  readonly images: readonly AffectedImage[];
  readonly more: boolean;
}

/** Images that are named for each corrupt blob. */
const maxImages = 100;

export interface AffectedImagesOptions {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'affectedImages'>;
}

/** Finds the images of all repositories that need the content. */
export async function findAffectedImages({ driver, metadata }: AffectedImagesOptions, digest: Digest): Promise<AffectedImages> {
  const manifests = await metadata.affectedImages.list(digest, maxImages + 1);
  const images: AffectedImage[] = [];
  for (const manifest of manifests.slice(0, maxImages)) {
    const tags = [...new Set([...manifest.tags, ...manifest.indexes.flatMap((index) => index.tags)])];
    images.push({ repository: manifest.repository, digest: manifest.digest, tags, platform: await platformOf(driver, manifest) });
  }
  return { images, more: manifests.length > maxImages };
}

/** Names the images for people: `app:1 (linux/amd64)`, `app@sha256:…` for one without a tag. */
export function nameImages(images: readonly AffectedImage[]): readonly string[] {
  return images.flatMap(({ repository, digest, tags, platform }) => {
    const names = tags.length > 0 ? tags.map((tag) => `${repository}:${tag}`) : [`${repository}@${digest}`];
    return platform === undefined ? names : names.map((name) => `${name} (${platform})`);
  });
}

async function platformOf(driver: BlobDriver, { digest, sizeBytes, indexes }: AffectedManifest): Promise<string | undefined> {
  for (const index of indexes) {
    const entries = (await readJson(driver, index))['manifests'];
    const entry = Array.isArray(entries) ? entries.map(fieldsOf).find((fields) => fields['digest'] === digest) : undefined;
    const platform = toPlatform(fieldsOf(entry?.['platform']));
    if (platform !== undefined) return platform;
  }
  const config = fieldsOf((await readJson(driver, { digest, sizeBytes }))['config']);
  const configDigest = typeof config['digest'] === 'string' ? parseDigest(config['digest']) : undefined;
  if (!configDigest || typeof config['size'] !== 'number') return undefined;
  return toPlatform(await readJson(driver, { digest: configDigest, sizeBytes: config['size'] }));
}

/** Reads a stored JSON object. No fields if it cannot be read: the platform is only a help for people. */
async function readJson(driver: BlobDriver, { digest, sizeBytes }: { digest: Digest; sizeBytes: number }): Promise<Fields> {
  return fieldsOf(await readStoredJson(driver, digest, sizeBytes).catch(() => undefined));
}

function toPlatform({ os, architecture, variant }: Fields): string | undefined {
  if (typeof os !== 'string' || typeof architecture !== 'string' || os === '' || os === 'unknown') return undefined;
  return [os, architecture, ...(typeof variant === 'string' && variant !== '' ? [variant] : [])].join('/');
}
