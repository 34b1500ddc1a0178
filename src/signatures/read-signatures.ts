import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { readAll } from '../../storage/blobs/missing.ts';
import type { SignatureManifest } from '../../storage/metadata/queries/verification/signatures.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { ContentMissing, openContent } from '../content/missing-content.ts';
import { readStoredJson } from '../content/stored-json.ts';
import { type Digest, digestAlgorithm, digestOf, parseDigest } from '../oci/digest.ts';
import { type Fields, fieldsOf } from '../oci/foreign-json.ts';
import type { RepositoryName } from '../oci/reference.ts';
import type { IdentityProof, Signature } from './signature.ts';
import { bundleType, envelopeTypes, payloadType, signatureTypes } from '../oci/document-types.ts';

export interface SignatureSource {
  readonly driver: BlobDriver;
  readonly metadata: Pick<MetadataStore, 'signatures'>;
}

/** Larger documents are not read. */
const largestBytes = 1024 * 1024;
/** Of each kind: referrers and tags. */
const maxManifests = 100;
/** A manifest of cosign before version 3 collects the signatures of all keys. */
const maxLayers = 100;
/** Of one image: an unsigned one is checked at each pull, and clients can push any number of signatures. */
const maxSignatures = 200;

/**
 * Yields the signatures of the image in the blob store, of every repository that has the image; those of `repository` come first.
 * Content that is missing or cannot be read is passed over. Yields at most 200.
 */
export async function* readSignatures(
  source: SignatureSource,
  repository: RepositoryName,
  image: Digest,
): AsyncGenerator<Signature> {
  const tag = `${image.replace(':', '-')}.sig`;
  const manifests = await source.metadata.signatures.list(image, repository, signatureTypes, tag, maxManifests);
  let count = 0;
  for (const manifest of manifests) {
    for await (const signature of readLayers(source, manifest)) {
      yield signature;
      if (++count === maxSignatures) return;
    }
  }
}

async function* readLayers({ driver }: SignatureSource, { digest, sizeBytes }: SignatureManifest): AsyncGenerator<Signature> {
  const { layers } = fieldsOf(await readStoredJson(driver, digest, sizeBytes));
  for (const layer of (Array.isArray(layers) ? layers : []).slice(0, maxLayers).map(fieldsOf)) {
    const bytes = await readBlob(driver, layer);
    const signature = bytes && toSignature(layer, bytes);
    if (signature) yield signature;
  }
}

function toSignature({ mediaType, annotations }: Fields, bytes: Buffer): Signature | undefined {
  const { 'dev.cosignproject.cosign/signature': value, ...others } = fieldsOf(annotations);
  if (mediaType === payloadType && typeof value === 'string')
    return { kind: 'payload', payload: bytes, value, proof: readProof(others) };
  if (mediaType === envelopeTypes.jws) return { kind: 'jws', document: bytes };
  if (mediaType === envelopeTypes.cose) return { kind: 'cose', document: bytes };
  return typeof mediaType === 'string' && bundleType.test(mediaType) ? { kind: 'bundle', document: bytes } : undefined;
}

function readProof(annotations: Fields): IdentityProof | undefined {
  const read = (name: string) => {
    const text = annotations[`dev.sigstore.cosign/${name}`];
    return typeof text === 'string' ? text : undefined;
  };
  const certificate = read('certificate');
  return certificate === undefined ? undefined : { certificate, logEntry: read('bundle'), timestamp: read('rfc3161timestamp') };
}

/** Undefined for what is too large, missing, or has another digest. */
async function readBlob(driver: BlobDriver, { digest, size }: Fields): Promise<Buffer | undefined> {
  const parsed = typeof digest === 'string' ? parseDigest(digest) : undefined;
  if (!parsed || typeof size !== 'number' || size > largestBytes) return undefined;
  try {
    const object = await openContent(driver, parsed, size);
    const bytes = await readAll(object).finally(() => object.close());
    return digestOf(bytes, digestAlgorithm(parsed)) === parsed ? bytes : undefined;
  } catch (error) {
    if (error instanceof ContentMissing) return undefined;
    throw error;
  }
}
