import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { ContentMissing } from '../../content/missing-content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { choosePlatformEntry, platformEntries } from '../../oci/index-entries.ts';
import { InvalidManifest } from '../../oci/json-fields.ts';
import { type Manifest, parseManifest } from '../../oci/manifest.ts';
import { kindOfManifest } from '../../oci/media-types.ts';
import type { Reference, RepositoryName, Tag } from '../../oci/reference.ts';
import { subjectTags } from '../../oci/subject-tags.ts';
import type { Listings } from '../../registry/listings.ts';
import type { Manifests } from '../../registry/manifests.ts';
import type { SignaturePolicy, SignatureStatus } from '../../signatures/policy.ts';
import { ImageError } from '../index/image-error.ts';
import type { ImageAddress } from '../view/image-opener.ts';
import type { ReferrerDocument } from './document.ts';
import { createDocumentReader } from './document-reader.ts';
import { type ReferrerKind, kindOfArtifact, kindOfDocument, predicateTypeOf } from './kind.ts';

/** A blob of an attached artifact. */
export interface AttachedDocument extends Descriptor {
  readonly kind: ReferrerKind;
  /** Of an attestation, as its annotations name it; '' if they do not. */
  readonly predicateType: string;
}

/** An artifact that belongs to an image: a signature, an SBOM, an attestation, or anything else. */
export interface AttachedArtifact {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly kind: ReferrerKind;
  /** Artifact type; of an artifact in the form of an image, the type of its first document. '' if it is not stored here. */
  readonly type: string;
  /** The image or index that it belongs to. */
  readonly subject: Digest;
  /** How it was found: by its subject, by the name of a tag, or as an entry of the index (buildx). */
  readonly foundBy: 'subject' | 'tag' | 'index';
  /** The name of the tag; '' if it was not found by one. */
  readonly tag: string;
  readonly documents: readonly AttachedDocument[];
}

export interface AttachedArtifacts {
  readonly items: readonly AttachedArtifact[];
  /** True if the image has more than are listed. */
  readonly hasMore: boolean;
  /** What the rules for signatures demand of the image; undefined if they demand nothing. */
  readonly policy: SignatureStatus | undefined;
}

/** What belongs to images. Nothing is fetched from an upstream. Only signatures that a rule demands are verified. */
export interface Referrers {
  /** Lists the artifacts of an image; of an index also those of the image for the platform. Throws MANIFEST_UNKNOWN. */
  list(address: ImageAddress): Promise<AttachedArtifacts>;
  /**
   * Reads a document of these artifacts; without a digest the first one of the kind. Rejects `ImageError` if there is none, and
   * `ConcurrencyLimitExceeded` if many documents are being read.
   */
  read(
    address: ImageAddress,
    wanted: { readonly digest?: Digest | undefined; readonly kind?: ReferrerKind | undefined },
  ): Promise<{ readonly document: AttachedDocument; readonly content: ReferrerDocument }>;
}

export interface ReferrersOptions {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly manifests: Pick<Manifests, 'find' | 'bytes'>;
  readonly listings: Pick<Listings, 'referrers'>;
  /** Default: images need no signatures. */
  readonly signatures?: Pick<SignaturePolicy, 'statusOf'> | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Artifacts of one image. */
const mostItems = 100;
const mostItemBytes = 1024 * 1024;
/** Indexes that are searched for attestations of an image that is named by its digest. */
const mostParents = 5;

interface ReadManifest {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly manifest: Manifest;
  readonly document: Document;
}

/** The annotations of the parts of a manifest, which has been parsed before. */
interface Document {
  readonly annotations?: Readonly<Record<string, unknown>>;
  readonly layers?: readonly Annotated[];
  readonly blobs?: readonly Annotated[];
  readonly manifests?: readonly Annotated[];
}

interface Annotated {
  readonly annotations?: Readonly<Record<string, unknown>> | null;
}

type Found = Pick<AttachedArtifact, 'digest' | 'subject' | 'foundBy' | 'tag'>;

export function createReferrers(options: ReferrersOptions): Referrers {
  const { driver, metadata, manifests, listings, signatures, now } = options;
  const readContent = createDocumentReader({ driver });

  /** Returns undefined for a manifest that is not stored here or cannot be read. */
  async function read(repository: RepositoryName, reference: Reference): Promise<ReadManifest | undefined> {
    try {
      const { digest, mediaType, sizeBytes } = await manifests.find(repository, reference);
      const bytes = await manifests.bytes(digest, sizeBytes);
      const manifest = parseManifest(bytes, mediaType);
      return { digest, sizeBytes, manifest, document: JSON.parse(bytes.toString()) as Document };
    } catch (error) {
      const isMissing = error instanceof ContentMissing || (error instanceof OciError && error.status === 404);
      if (isMissing || error instanceof InvalidManifest) return undefined;
      throw error;
    }
  }

  /** Returns the index, if there is one, and the image; each may have artifacts. */
  async function subjectsOf({ repository, reference, platform }: ImageAddress) {
    const { digest } = await manifests.find(repository, reference);
    const found = await read(repository, { digest });
    const isIndex = found !== undefined && found.manifest.children.length > 0;
    if (isIndex) {
      const entry = choosePlatformEntry(platformEntries(found.manifest, found.document), platform);
      return { indexes: [found], digests: entry ? [digest, entry.descriptor.digest] : [digest] };
    }
    const parents = (await metadata.keepers.find(repository, digest, now(), mostParents))?.parents ?? [];
    const indexes = await Promise.all(parents.map((parent) => read(repository, { digest: parent })));
    return { indexes: indexes.filter((index) => index !== undefined), digests: [digest] };
  }

  async function findTagged(repository: RepositoryName, subject: Digest): Promise<readonly Found[]> {
    const found = await Promise.all(
      subjectTags(subject).map(async (tag) => {
        const tagged = await read(repository, { tag: tag as Tag });
        if (!tagged) return [];
        const digests =
          tagged.manifest.children.length > 0 ? tagged.manifest.children.map(({ digest }) => digest) : [tagged.digest];
        return digests.map((digest): Found => ({ digest, subject, foundBy: 'tag', tag }));
      }),
    );
    return found.flat();
  }

  async function findAll(address: ImageAddress): Promise<{ readonly found: readonly Found[]; readonly hasMore: boolean }> {
    const { repository } = address;
    const { indexes, digests } = await subjectsOf(address);
    const found: Found[] = [];
    let hasMore = false;
    for (const subject of digests) {
      const limit = { items: mostItems, bytes: mostItemBytes };
      const { items, more } = await listings.referrers(repository, subject, { artifactType: undefined }, '', limit);
      hasMore ||= more;
      found.push(...items.map(({ digest }): Found => ({ digest, subject, foundBy: 'subject', tag: '' })));
      found.push(...(await findTagged(repository, subject)), ...indexes.flatMap((index) => attestationsOf(index, subject)));
    }
    // A client may have pushed an artifact both ways.
    const unique = [...new Map(found.toReversed().map((item) => [item.digest, item])).values()].reverse();
    return { found: unique.slice(0, mostItems), hasMore: hasMore || unique.length > mostItems };
  }

  async function describe(repository: RepositoryName, found: Found): Promise<AttachedArtifact> {
    const stored = await read(repository, { digest: found.digest });
    if (!stored) return { ...found, sizeBytes: 0, kind: 'artifact', type: '', documents: [] };
    const { manifest, document, sizeBytes } = stored;
    const documents = documentsOf(manifest, document);
    const artifactType = manifest.artifactType ?? '';
    const isImage = kindOfManifest(manifest.mediaType, artifactType) === 'image';
    const type = (isImage ? documents[0]?.mediaType : undefined) ?? artifactType;
    return {
      ...found,
      sizeBytes,
      type,
      documents,
      kind: kindOfArtifact(
        type,
        documents.map(({ kind }) => kind),
      ),
    };
  }

  /** Resolves to undefined for a manifest whose bytes are not stored. */
  async function policyOf(rules: NonNullable<typeof signatures>, repository: RepositoryName, reference: Reference) {
    const found = await manifests.find(repository, reference);
    try {
      const bytes = await manifests.bytes(found.digest, found.sizeBytes);
      return await rules.statusOf(repository, { ...found, bytes, tag: reference.tag });
    } catch (error) {
      if (error instanceof ContentMissing) return undefined;
      throw error;
    }
  }

  async function listItems(address: ImageAddress): Promise<Omit<AttachedArtifacts, 'policy'>> {
    const { found, hasMore } = await findAll(address);
    return { items: await Promise.all(found.map((item) => describe(address.repository, item))), hasMore };
  }

  return {
    async list(address) {
      const { repository, reference } = address;
      const items = await listItems(address);
      return { ...items, policy: signatures && (await policyOf(signatures, repository, reference)) };
    },
    async read(address, wanted) {
      const documents = (await listItems(address)).items.flatMap((item) => item.documents);
      const document = documents.find(({ digest, kind }) =>
        wanted.digest === undefined ? kind === wanted.kind : digest === wanted.digest,
      );
      if (!document || !(await metadata.blobs.findLink(address.repository, document.digest)))
        throw new ImageError('not_found', 'the image has no such document, or it is not stored here');
      return { document, content: await readContent(document) };
    },
  };
}

/** Returns the attestations that buildx put into an index for one of its images. */
function attestationsOf({ manifest, document }: ReadManifest, subject: Digest): readonly Found[] {
  return manifest.children.flatMap(({ digest }, place): readonly Found[] => {
    const annotations = document.manifests?.[place]?.annotations;
    const isAttestation = annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
    if (!isAttestation || annotations['vnd.docker.reference.digest'] !== subject) return [];
    return [{ digest, subject, foundBy: 'index', tag: '' }];
  });
}

function documentsOf(
  { blobs, mediaType }: Manifest,
  { layers, blobs: files, annotations }: Document,
): readonly AttachedDocument[] {
  // The first blob of an image manifest is its configuration.
  const documents = layers ? blobs.slice(1) : blobs;
  const parts = layers ?? files ?? [];
  return documents.map((descriptor, place) => {
    const own = { ...annotations, ...parts[place]?.annotations };
    const predicateType = predicateTypeOf(own);
    const isSignature = own['dev.sigstore.bundle.content'] === 'message-signature';
    const kind = isSignature ? 'signature' : kindOfDocument(descriptor.mediaType || mediaType, predicateType);
    return { ...descriptor, kind, predicateType };
  });
}
