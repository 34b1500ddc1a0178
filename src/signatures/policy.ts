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
import type { SignatureVerifier } from './verifier.ts';

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

/** Decides which images may be pulled and tagged. */
export interface SignaturePolicy {
  /**
   * Rejects DENIED, with what is missing, for an image that has no signature by a signer of the first rule that matches the
   * repository. A manifest of a signed index counts as signed. Signatures, attestations and SBOMs need no signature.
   */
  require(repository: RepositoryName, manifest: RequestedManifest): Promise<void>;
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
  async function isPartOfSigned(repository: RepositoryName, image: Digest, signers: readonly Signer[]): Promise<boolean> {
    let level: readonly Digest[] = [image];
    for (let depth = 0; depth < maxDepth && level.length > 0; depth++) {
      const indexes = new Set<Digest>();
      for (const digest of level)
        for (const index of await metadata.signatures.listIndexes(repository, digest, maxIndexes)) indexes.add(index);
      for (const index of indexes) if (!(await verifier.findRefusals(repository, index, signers))) return true;
      level = [...indexes].slice(0, maxIndexes);
    }
    return false;
  }

  return {
    async require(repository, manifest) {
      const rule = rules.find(({ match }) => match.some((pattern) => matches(pattern, repository)));
      const refusals = rule && (await verifier.findRefusals(repository, manifest.digest, rule.signers));
      if (!refusals || needsNone(manifest)) return;
      if (await isPartOfSigned(repository, manifest.digest, rule.signers)) return;
      const names = rule.signers.map(({ name }) => name);
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
