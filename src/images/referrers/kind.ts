import { payloadType, plainSignatureTypes, signaturePredicate } from '../../oci/document-types.ts';
import { isProvenance } from './provenance.ts';

/** What an attached artifact is for people. */
export const referrerKinds = ['signature', 'sbom', 'provenance', 'attestation', 'artifact'] as const;
export type ReferrerKind = (typeof referrerKinds)[number];

const signatures = [payloadType, ...plainSignatureTypes];
const sbom = /spdx|cyclonedx|vnd\.syft/;
const attestation = /^application\/vnd\.(?:in-toto|dsse\.envelope)|^application\/vnd\.dev\.sigstore\.bundle/;

/** Decides what a document is by its media type, and by its predicate type if it is an attestation. '' is unknown. */
export function kindOfDocument(mediaType: string, predicateType: string): ReferrerKind {
  if (signatures.includes(mediaType)) return 'signature';
  if (isProvenance(predicateType)) return 'provenance';
  if (sbom.test(predicateType) || sbom.test(mediaType)) return 'sbom';
  // cosign signs with a statement of its own in bundles (`cosign sign` since 3.0).
  if (predicateType === signaturePredicate) return 'signature';
  return predicateType !== '' || attestation.test(mediaType) ? 'attestation' : 'artifact';
}

/** Returns the kind of a whole artifact: of its first document that tells, or of its type. */
export function kindOfArtifact(artifactType: string, documents: readonly ReferrerKind[]): ReferrerKind {
  const ofType = kindOfDocument(artifactType, '');
  if (ofType === 'signature' || ofType === 'sbom') return ofType;
  return documents.find((kind) => kind !== 'artifact') ?? ofType;
}

/** Returns the predicate type in the annotations of a document or its artifact, as buildx and cosign write it; '' for none. */
export function predicateTypeOf(annotations: Readonly<Record<string, unknown>>): string {
  const names = ['in-toto.io/predicate-type', 'predicateType', 'dev.sigstore.bundle.predicateType'];
  const found = names.map((name) => annotations[name]).find((value) => typeof value === 'string');
  return typeof found === 'string' ? found : '';
}
