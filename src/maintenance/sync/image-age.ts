import { isManifestType } from '../../oci/media-types.ts';
import type { Digest } from '../../oci/digest.ts';
import { type Fields, fieldsOf, timeOf } from '../../oci/foreign-json.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { parseManifest } from '../../oci/manifest.ts';
import type { ManifestContent, Side, SizedBlob } from './entry.ts';

/**
 * Decides which of two images is newer, by their content alone: two registries that copy from each other come to the same
 * result. Newer is the later creation time: the annotation `org.opencontainers.image.created`, or `created` of the configuration;
 * an index has only its annotation, because a registry may have copied some platforms only. An image without a time is older. Of
 * equal times the greater digest wins.
 */

/** An image, and the side that has it. */
export interface PlacedImage {
  readonly side: Pick<Side, 'manifest' | 'openBlob'>;
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

/** True if `one` is newer than `other`. Rejects if a side cannot be read. */
export async function isNewer(one: PlacedImage, other: PlacedImage): Promise<boolean> {
  const [time, otherTime] = [await createdAt(one), await createdAt(other)];
  return time === otherTime ? one.digest > other.digest : time > otherTime;
}

/** A configuration that is larger is not read. */
const largestConfigBytes = 4 * 1024 * 1024;

/** Milliseconds since 1970; `-Infinity` for an image without a time. */
async function createdAt({ side, repository, digest }: PlacedImage): Promise<number> {
  const content = await side.manifest(repository, digest);
  const { annotations, blobs } = parseManifest(content.bytes, content.mediaType);
  const annotated = timeOf(annotations?.['org.opencontainers.image.created']);
  if (annotated !== undefined) return annotated;
  const config = configOf(content, blobs);
  if (!config) return -Infinity;
  const document = await readJson(side.openBlob(repository, config.digest, 0, config.sizeBytes - 1));
  return timeOf(document['created']) ?? -Infinity;
}

/** The first blob of an image manifest is its configuration. */
function configOf({ mediaType }: ManifestContent, blobs: readonly SizedBlob[]): SizedBlob | undefined {
  const [config] = blobs;
  const isReadable = config && config.sizeBytes > 0 && config.sizeBytes <= largestConfigBytes;
  return isReadable && isManifestType(mediaType) ? config : undefined;
}

async function readJson(chunks: AsyncIterable<Uint8Array>): Promise<Fields> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  try {
    return fieldsOf(JSON.parse(Buffer.concat(parts).toString()));
  } catch {
    return {};
  }
}
