import type { ChangedImage, ImageFacts } from '../../../storage/metadata/queries/catalog/images.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { ContentMissing } from '../../content/missing-content.ts';
import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { sbomTypes, signatureTypes } from '../../oci/document-types.ts';
import { kindOfManifest } from '../../oci/media-types.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { subjectTags } from '../../oci/subject-tags.ts';
import type { Descriptions, ImageDescription } from './describe-image.ts';

export interface CatalogFactsOptions {
  readonly descriptions: Descriptions;
  readonly metadata: Pick<MetadataStore, 'catalogImages'>;
  /** Aborted when the process shuts down. */
  readonly closing: AbortSignal;
}

/** Images that one run of the job describes: it must not keep the process busy for long. */
export const mostImages = 1000;
/** Labels of an image that the catalog keeps, in characters of JSON. */
const maxLabels = 16_384;
const maxDescription = 300;
const maxAttestations = 20;

/** Older clients write CycloneDX without its format. */
const knownSbomTypes = [...sbomTypes, 'application/vnd.cyclonedx'];

/**
 * Describes images that have changed, for the lists of the catalog: reads manifests and configurations, and fetches nothing from
 * an upstream. Resolves to the number of images; as many as `mostImages` means that more may be left.
 */
export async function describeChanged({ descriptions, metadata, closing }: CatalogFactsOptions): Promise<number> {
  const changed = await metadata.catalogImages.listChanged(mostImages);
  let described = 0;
  for (const image of changed) {
    if (closing.aborted) break;
    await metadata.catalogImages.record(await factsOf(image, descriptions, metadata));
    described += 1;
  }
  return described;
}

async function factsOf(
  { repository, digest, changes, mediaType, artifactType, sizeBytes }: ChangedImage,
  descriptions: Descriptions,
  metadata: CatalogFactsOptions['metadata'],
): Promise<ImageFacts> {
  const image = await stored(descriptions.describe(repository, { digest }));
  const tags = subjectTags(digest);
  const [types, following] = await Promise.all([
    metadata.catalogImages.listReferrerTypes(repository, digest, [...signatureTypes, ...knownSbomTypes]),
    metadata.catalogImages.listExistingTags(repository, tags),
  ]);
  const platforms = image ? platformsOf(image) : [];
  const labels = JSON.stringify(image?.image?.config?.labels ?? {});
  return {
    repository,
    digest,
    changes,
    downloadBytes: platforms.reduce((sum, { downloadBytes = 0 }) => sum + downloadBytes, 0) || sizeBytes,
    kind: kindOfManifest(mediaType, artifactType),
    platforms: JSON.stringify(platforms),
    platformNames: [...new Set(platforms.map(({ platform }) => platform))].filter(Boolean).join(' '),
    labels: labels.length > maxLabels ? '{}' : labels,
    description: image ? descriptionOf(image) : '',
    isSigned: types.some((type) => signatureTypes.includes(type)) || following.some((tag) => tag.endsWith('.sig')),
    hasSbom:
      types.some((type) => knownSbomTypes.includes(type)) ||
      following.some((tag) => tag.endsWith('.sbom')) ||
      (image?.kind === 'index' && (await isAttested(repository, digest, descriptions))),
    isPartial: !image || isPartial(image),
  };
}

/** Resolves to undefined for content that is not stored here, or is in quarantine. */
async function stored<Content>(content: Promise<Content>): Promise<Content | undefined> {
  try {
    return await content;
  } catch (error) {
    if (error instanceof ContentMissing || (error instanceof OciError && error.status === 404)) return undefined;
    throw error;
  }
}

/** A platform as `ListedPlatform` of the lists of tags reads it. */
type FactPlatform = Pick<ImageDescription['platforms'][number], 'platform' | 'digest' | 'downloadBytes'>;

function platformsOf({ kind, platforms, image }: ImageDescription): readonly FactPlatform[] {
  if (kind === 'index') return platforms.map(({ platform, digest, downloadBytes }) => ({ platform, digest, downloadBytes }));
  if (!image) return [];
  return [{ platform: image.config?.platform ?? '', digest: image.digest, downloadBytes: image.downloadBytes }];
}

function isPartial({ kind, platforms, image }: ImageDescription): boolean {
  if (kind === 'artifact') return false;
  return platforms.some(({ downloadBytes }) => downloadBytes === undefined) || (image !== undefined && !image.config);
}

const descriptionKey = 'org.opencontainers.image.description';

function descriptionOf({ annotations, image }: ImageDescription): string {
  const description = annotations[descriptionKey] ?? image?.config?.labels[descriptionKey] ?? '';
  return description.replaceAll(/\s+/g, ' ').trim().slice(0, maxDescription);
}

interface AttestationEntry {
  readonly digest?: unknown;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** Resolves to true if BuildKit has stored an SBOM in the index: an attestation manifest with such a predicate. */
async function isAttested(repository: RepositoryName, digest: Digest, { bytes }: Descriptions): Promise<boolean> {
  const index = await stored(bytes(repository, { digest }));
  const { manifests = [] } = (index ? JSON.parse(index.toString()) : {}) as { readonly manifests?: readonly AttestationEntry[] };
  const attestations = manifests.filter(
    ({ annotations }) => annotations?.['vnd.docker.reference.type'] === 'attestation-manifest',
  );
  for (const attestation of attestations.slice(0, maxAttestations)) {
    const manifest = await stored(bytes(repository, { digest: attestation.digest as Digest }));
    const { layers = [] } = (manifest ? JSON.parse(manifest.toString()) : {}) as {
      readonly layers?: readonly AttestationEntry[];
    };
    if (layers.some(({ annotations }) => isSbomPredicate(annotations?.['in-toto.io/predicate-type']))) return true;
  }
  return false;
}

function isSbomPredicate(type: unknown): boolean {
  return typeof type === 'string' && /spdx|cyclonedx/i.test(type);
}
