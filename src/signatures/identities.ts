import { X509Certificate, createHash } from 'node:crypto';
import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { VerificationError, Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';
import type { Digest } from '../oci/digest.ts';
import { fieldsOf } from '../oci/foreign-json.ts';
import { type CosignSignature, checkClaims } from './cosign.ts';
import type { Verdict } from './signature.ts';

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

/** Converts what cosign before version 3 keeps in annotations. Undefined for signatures with a key. */
function toBundle({ payload, value, proof }: Extract<CosignSignature, { kind: 'payload' }>): Bundle | undefined {
  if (!proof) return undefined;
  const entry = proof.logEntry === undefined ? undefined : toLogEntry(proof.logEntry);
  const timestamp = proof.timestamp === undefined ? undefined : fieldsOf(JSON.parse(proof.timestamp))['SignedRFC3161Timestamp'];
  return bundleFromJSON({
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes: new X509Certificate(proof.certificate).raw.toString('base64') }] },
      tlogEntries: entry ? [entry] : [],
      timestampVerificationData: { rfc3161Timestamps: timestamp === undefined ? [] : [{ signedTimestamp: timestamp }] },
    },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: createHash('sha256').update(payload).digest('base64') },
      signature: value,
    },
  });
}

/** An entry of Rekor, with its signed promise to be included in the log. */
function toLogEntry(annotation: string): object {
  const { SignedEntryTimestamp, Payload } = fieldsOf(JSON.parse(annotation));
  const { body, integratedTime, logIndex, logID } = fieldsOf(Payload);
  const { kind, apiVersion } = fieldsOf(JSON.parse(Buffer.from(String(body), 'base64').toString()));
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(String(logID), 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
    canonicalizedBody: body,
  };
}
