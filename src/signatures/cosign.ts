import { type KeyObject, verify } from 'node:crypto';
import type { Digest } from '../oci/digest.ts';
import { checkClaims, noStatement } from './cosign-claims.ts';
import type { CosignSignature, Verdict } from './signature.ts';
import { preAuthenticationEncoding, readEnvelope, statementType } from './signed-statement.ts';

const otherKey: Verdict = { refusal: 'a signature by another key' };

/**
 * Checks whether one of the keys has signed the image. Entries in a transparency log are not looked at: the operator has chosen
 * the keys.
 */
export function verifyCosign(signature: CosignSignature, keys: readonly KeyObject[], image: Digest): Verdict {
  const signed = signature.kind === 'bundle' ? signedByBundle(signature.document) : signedByPayload(signature);
  if (!signed) return noStatement;
  const isSignedByKey = signed.values.some((value) => keys.some((key) => isSigned(signed.bytes, value, key)));
  return isSignedByKey ? checkClaims(signature, image) : otherKey;
}

interface SignedBytes {
  readonly bytes: Buffer;
  /** Signatures of the bytes, in Base64. */
  readonly values: readonly string[];
}

function signedByPayload({ payload, value }: Extract<CosignSignature, { kind: 'payload' }>): SignedBytes {
  return { bytes: payload, values: [value] };
}

function signedByBundle(document: Buffer): SignedBytes | undefined {
  const envelope = readEnvelope(document);
  return envelope && { bytes: preAuthenticationEncoding(statementType, envelope.statement), values: envelope.values };
}

function isSigned(bytes: Buffer, base64: string, key: KeyObject): boolean {
  const hash = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  try {
    return verify(hash, bytes, key, Buffer.from(base64, 'base64'));
  } catch {
    return false;
  }
}
