/** Media types of signatures and of other documents about images. */

/** Of the payload that cosign signed before version 3. */
export const payloadType = 'application/vnd.dev.cosign.simplesigning.v1+json';
/** Of the envelopes of notation. */
export const envelopeTypes = { jws: 'application/jose+json', cose: 'application/cose' } as const;
/** Of a Sigstore bundle, in any version. */
export const bundleType = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v[\d.]+)?\+json(?:;version=[\d.]+)?$/;

/** Artifact types of manifests that have nothing but signatures. */
export const plainSignatureTypes: readonly string[] = [
  'application/vnd.dev.cosign.artifact.sig.v1+json',
  'application/vnd.cncf.notary.signature',
];

/** Artifact types of manifests with signatures. Bundles of Sigstore may be attestations, too. */
export const signatureTypes: readonly string[] = ['application/vnd.dev.sigstore.bundle.v0.3+json', ...plainSignatureTypes];

/** Media types of SBOMs. */
export const sbomTypes: readonly string[] = [
  'application/spdx+json',
  'text/spdx+json',
  'text/spdx',
  'application/vnd.cyclonedx+json',
  'application/vnd.cyclonedx+xml',
  'application/vnd.syft+json',
];

const documentTypes: readonly string[] = [
  payloadType,
  envelopeTypes.jws,
  envelopeTypes.cose,
  'application/vnd.dsse.envelope.v1+json',
  'application/vnd.in-toto+json',
  ...sbomTypes,
];

/** True for layers that hold a signature, an attestation or an SBOM: nothing that a client could run. */
export function isDocument(mediaType: string): boolean {
  return documentTypes.includes(mediaType) || bundleType.test(mediaType);
}

/** The predicate of a statement by which cosign signs an image (since version 3). */
export const signaturePredicate = 'https://sigstore.dev/cosign/sign/v1';
