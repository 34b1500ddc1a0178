import type { X509Certificate } from 'node:crypto';
import type { Digest } from '../oci/digest.ts';

/** A signature as its client has stored it; its claims are not checked yet. */
export type Signature =
  /** cosign before version 3: a payload in Red Hat's "simple signing" format. `value`: Base64. `proof`: undefined for keys. */
  | { readonly kind: 'payload'; readonly payload: Buffer; readonly value: string; readonly proof?: IdentityProof | undefined }
  /** cosign since version 3: a Sigstore bundle (JSON). */
  | { readonly kind: 'bundle'; readonly document: Buffer }
  /** notation: a JWS (JSON). */
  | { readonly kind: 'jws'; readonly document: Buffer }
  /** notation: a COSE_Sign1 (CBOR). */
  | { readonly kind: 'cose'; readonly document: Buffer };

/** Annotations of cosign about a signature by an identity. */
export interface IdentityProof {
  /** PEM. */
  readonly certificate: string;
  /** JSON: an entry of Rekor. */
  readonly logEntry: string | undefined;
  /** JSON: a time stamp by RFC 3161. */
  readonly timestamp: string | undefined;
}

/** Result of a check: until when it holds, in milliseconds since 1970, or why it does not hold. */
export type Verdict = { readonly validUntil: number } | { readonly refusal: string };

/** Somebody whose signatures count. */
export interface Signer {
  readonly name: string;
  /** Checks whether the signature is by this signer and for the image. `now` in milliseconds since 1970. */
  verify(signature: Signature, image: Digest, now: number): Verdict;
}

/** A chain of trust begins at one of these. */
export type TrustedCertificates = readonly X509Certificate[];

/** Formats: cosign's SIGNATURE_SPEC.md; Sigstore's bundle with a DSSE envelope around an in-toto statement. */
export type CosignSignature = Exclude<Signature, { kind: 'jws' | 'cose' }>;
