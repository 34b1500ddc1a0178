import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { readStoredJson } from '../../content/stored-json.ts';
import { createLru } from '../../coordination/lru.ts';
import { parseDigest } from '../../oci/digest.ts';
import { type Fields, fieldsOf, timeOf } from '../../oci/foreign-json.ts';
import { isManifestType } from '../../oci/media-types.ts';

/** Finds out when images were built, from their manifests and configurations. Reads of it are no pulls. */
export interface ImageTimes {
  /** Returns the time in milliseconds since 1970; undefined if the image does not say, or its bytes are missing. */
  createdAt(manifest: StoredDocument): Promise<number | undefined>;
}

export interface StoredDocument {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** About 150 bytes each. */
const rememberedImages = 100_000;

/** Platforms of an index that are read. */
const maxPlatforms = 16;

const unknownTime = -1;

export function createImageTimes(driver: BlobDriver): ImageTimes {
  const known = createLru<number>(rememberedImages);

  async function readJson({ digest, sizeBytes }: StoredDocument): Promise<Fields> {
    const parsed = parseDigest(digest);
    return parsed ? fieldsOf(await readStoredJson(driver, parsed, sizeBytes)) : {};
  }

  async function read(document: StoredDocument): Promise<number | undefined> {
    const manifest = await readJson(document);
    const annotated = timeOf(fieldsOf(manifest['annotations'])['org.opencontainers.image.created']);
    if (annotated !== undefined) return annotated;
    const config = toDocument(manifest['config']);
    if (config) return timeOf((await readJson(config))['created']);
    const platforms = listOf(manifest['manifests']).filter(isManifest).map(toDocument);
    const times: number[] = [];
    for (const platform of platforms.slice(0, maxPlatforms)) {
      const time = platform && (await createdAt(platform));
      if (time !== undefined) times.push(time);
    }
    return times.length === 0 ? undefined : Math.max(...times);
  }

  async function createdAt(document: StoredDocument): Promise<number | undefined> {
    const cached = known.get(document.digest);
    if (cached !== undefined) return cached === unknownTime ? undefined : cached;
    const time = await read(document);
    known.set(document.digest, time ?? unknownTime);
    return time;
  }

  return { createdAt };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isManifest(entry: unknown): boolean {
  const mediaType = fieldsOf(entry)['mediaType'];
  return typeof mediaType === 'string' && isManifestType(mediaType);
}

function toDocument(entry: unknown): StoredDocument | undefined {
  const { digest, size } = fieldsOf(entry);
  return typeof digest === 'string' && typeof size === 'number' ? { digest, sizeBytes: size } : undefined;
}
