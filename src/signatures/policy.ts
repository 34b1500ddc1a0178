import type { MetadataStore } from '../../storage/metadata/store.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { fieldsOf } from '../oci/foreign-json.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { type Pattern, matches } from '../oci/patterns/repository-pattern.ts';
import type { RepositoryName, Tag } from '../oci/reference.ts';
import { isSubjectTag } from '../oci/subject-tags.ts';
import { isDocument } from '../oci/document-types.ts';
import type { Signer } from './signature.ts';
import type { SignatureCheck, SignatureVerifier } from './verifier.ts';

/** Repositories whose images need a signature by one of the signers. */
export interface SignatureRule {
  readonly match: readonly Pattern[];
  readonly signers: readonly Signer[];
}

/** A manifest that a client pulls, or points a tag at. */
export interface RequestedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly tag: Tag | undefined;
}

/** What a rule demands of an image, and what was found. */
export interface SignatureStatus extends SignatureCheck {
  /** Names of the signers, one of whom must have signed the image. */
  readonly signers: readonly string[];
}

/** Decides which images may be pulled and tagged. */
export interface SignaturePolicy {
  /**
   * Rejects DENIED, with what is missing, for an image that has no signature by a signer of the first rule that matches the
   * repository. A manifest of a signed index counts as signed. Signatures, attestations and SBOMs need no signature.
   */
  require(repository: RepositoryName, manifest: RequestedManifest): Promise<void>;
  /** Resolves to what `require` demands of the manifest, and found; undefined if it demands nothing. */
  statusOf(repository: RepositoryName, manifest: RequestedManifest): Promise<SignatureStatus | undefined>;
}

export interface SignaturePolicyOptions {
  readonly rules: readonly SignatureRule[];
  readonly verifier: SignatureVerifier;
  readonly metadata: Pick<MetadataStore, 'signatures'>;
}

/** Indexes in indexes are followed to this depth. */
const maxDepth = 3;
/** Indexes that are looked at for each manifest. */
const maxIndexes = 50;

export function createSignaturePolicy({ rules, verifier, metadata }: SignaturePolicyOptions): SignaturePolicy {
  /** Returns the signer of an index that contains the image; undefined if there is none. */
  async function signerOfIndex(
    repository: RepositoryName,
    image: Digest,
    signers: readonly Signer[],
  ): Promise<string | undefined> {
    let level: readonly Digest[] = [image];
    for (let depth = 0; depth < maxDepth && level.length > 0; depth++) {
      const indexes = new Set<Digest>();
      for (const digest of level)
        for (const index of await metadata.signatures.listIndexes(repository, digest, maxIndexes)) indexes.add(index);
      for (const index of indexes) {
        const { signedBy } = await verifier.check(repository, index, signers);
        if (signedBy !== undefined) return signedBy;
      }
      level = [...indexes].slice(0, maxIndexes);
    }
    return undefined;
  }

  async function statusOf(repository: RepositoryName, manifest: RequestedManifest): Promise<SignatureStatus | undefined> {
    const rule = rules.find(({ match }) => match.some((pattern) => matches(pattern, repository)));
    if (!rule) return undefined;
    const signers = rule.signers.map(({ name }) => name);
    const check = await verifier.check(repository, manifest.digest, rule.signers);
    if (check.signedBy !== undefined) return { ...check, signers };
    if (needsNone(manifest)) return undefined;
    return { ...check, signers, signedBy: await signerOfIndex(repository, manifest.digest, rule.signers) };
  }

  return {
    statusOf,
    async require(repository, manifest) {
      const status = await statusOf(repository, manifest);
      if (!status || status.signedBy !== undefined) return;
      const { signers: names, refusals } = status;
      throw new OciError('DENIED', {
        message:
          `${repository}@${manifest.digest} needs a signature by ${names.join(' or ')} (signatures.rules), ` +
          `and has ${refusals.length === 0 ? 'no signature' : `only ${refusals.join(', ')}`}`,
        detail: { digest: manifest.digest, signers: names },
      });
    },
  };
}

/** True for what is about images: documents, and the list of referrers that a client keeps under a tag. */
function needsNone({ mediaType, bytes, tag }: RequestedManifest): boolean {
  const isIndex = mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList;
  // What the list names needs a signature of its own.
  if (isIndex) return tag !== undefined && isSubjectTag(tag);
  const { layers, blobs } = fieldsOf(JSON.parse(bytes.toString()));
  const parts = [layers, blobs]
    .flatMap((list) => (Array.isArray(list) ? (list as readonly unknown[]) : []))
    .map((part) => fieldsOf(part)['mediaType']);
  return parts.length > 0 && parts.every((type) => typeof type === 'string' && isDocument(type));
}
