import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { VerificationError, Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';
import type { Digest } from '../oci/digest.ts';
import { toBundle } from './bundle-of-annotations.ts';
import { checkClaims } from './cosign-claims.ts';
import type { CosignSignature, Verdict } from './signature.ts';

/**
 * Signatures of cosign without a lasting key ("keyless"): Fulcio issues a certificate for an identity that is valid for some
 * minutes. A transparency log or a time-stamping authority proves that the signature was made in that time. Both are checked
 * offline, against the trusted root. Formats: sigstore/protobuf-specs, and cosign's SIGNATURE_SPEC.md.
 */

/** Who signs, as the certificate says. */
export interface SigningIdentity {
  /** URL of the OpenID Connect issuer that has confirmed the identity. */
  readonly issuer: string;
  /** E-mail address or URI; each `*` stands for any characters. */
  readonly subject: string;
}

/** Checks whether one of the identities has signed the image. */
export type IdentityVerifier = (signature: CosignSignature, identities: readonly SigningIdentity[], image: Digest) => Verdict;

const noIdentity: Verdict = { refusal: 'a signature without the certificate of an identity' };

/** Creates a verifier from a trusted root of Sigstore, in JSON. Throws with the reason if it cannot be used. */
export function createIdentityVerifier(trustedRoot: string): IdentityVerifier {
  const root = TrustedRoot.fromJSON(JSON.parse(trustedRoot));
  if (root.certificateAuthorities.length === 0) throw new Error('it names no certificate authority');
  if (root.tlogs.length + root.timestampAuthorities.length === 0)
    throw new Error('it names neither a transparency log nor a time-stamping authority');
  // A private Sigstore may have no log of certificates, or none of signatures. If the root names one, entries in it are required.
  const thresholds = { ctlogThreshold: Math.min(1, root.ctlogs.length), tlogThreshold: Math.min(1, root.tlogs.length) };
  const verifier = new Verifier(toTrustMaterial(root), thresholds);

  return (signature, identities, image) => {
    try {
      const bundle = signature.kind === 'bundle' ? parseBundle(signature.document) : toBundle(signature);
      if (bundle?.verificationMaterial.content.$case === 'publicKey' || !bundle) return noIdentity;
      const payload = signature.kind === 'payload' ? signature.payload : undefined;
      const { identity } = verifier.verify(toSignedEntity(bundle, payload));
      const isTrusted = identities.some(
        ({ issuer, subject }) =>
          issuer === identity?.extensions?.issuer && toExpression(subject).test(identity.subjectAlternativeName ?? ''),
      );
      return isTrusted ? checkClaims(signature, image) : { refusal: 'a signature by another identity' };
    } catch (error) {
      const reason = error instanceof VerificationError ? error.code : 'UNREADABLE';
      return { refusal: `a signature whose certificate, log entry or time stamp does not verify (${reason})` };
    }
  };
}

function toExpression(subject: string): RegExp {
  const parts = subject.split('*').map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

function parseBundle(document: Buffer): Bundle {
  return bundleFromJSON(JSON.parse(document.toString()));
}
