/** Media types of signatures and of other documents about images. */

/** Of the payload that cosign signed before version 3. */
export const payloadType = 'application/vnd.dev.cosign.simplesigning.v1+json';
/** Of a JWS of notation. */
export const envelopeType = 'application/jose+json';
/** Of a Sigstore bundle, in any version. */
export const bundleType = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v[\d.]+)?\+json(?:;version=[\d.]+)?$/;

/** Artifact types of manifests with signatures. */
export const signatureTypes = [
  'application/vnd.dev.sigstore.bundle.v0.3+json',
  'application/vnd.cncf.notary.signature',
  'application/vnd.dev.cosign.artifact.sig.v1+json',
] as const;

const documentTypes = [
  payloadType,
  envelopeType,
  /** Of the other envelope of notation, which berth does not verify. */
  'application/cose',
  'application/vnd.dsse.envelope.v1+json',
  'application/vnd.in-toto+json',
  'application/spdx+json',
  'text/spdx+json',
  'text/spdx',
  'application/vnd.cyclonedx+json',
  'application/vnd.cyclonedx+xml',
  'application/vnd.syft+json',
];

/** True for layers that hold a signature, an attestation or an SBOM: nothing that a client could run. */
export function isDocument(mediaType: string): boolean {
  return documentTypes.includes(mediaType) || bundleType.test(mediaType);
}
