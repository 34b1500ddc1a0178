import type { Digest } from '../oci/digest.ts';
import { signaturePredicate } from '../oci/document-types.ts';
import { fieldsOf } from '../oci/foreign-json.ts';
import type { CosignSignature, Verdict } from './signature.ts';
import { parseJson, readEnvelope } from './signed-statement.ts';

const valid: Verdict = { validUntil: Infinity };

const otherImage: Verdict = { refusal: 'a signature of another image' };

/** The verdict about a bundle that signs nothing. */
export const noStatement: Verdict = { refusal: 'a Sigstore bundle without a signed statement' };

/** Checks what a signature says whose signer is known: that it is a signature, no attestation, and of the image. */
export function checkClaims(signature: CosignSignature, image: Digest): Verdict {
  if (signature.kind === 'payload') {
    const critical = fieldsOf(fieldsOf(parseJson(signature.payload))['critical']);
    return fieldsOf(critical['image'])['docker-manifest-digest'] === image ? valid : otherImage;
  }
  const statement = readEnvelope(signature.document)?.statement;
  if (!statement) return noStatement;
  const { predicateType, subject } = fieldsOf(parseJson(statement));
  if (predicateType !== signaturePredicate) return { refusal: 'an attestation, which is no signature' };
  return Array.isArray(subject) && subject.some((one) => isDigest(fieldsOf(one)['digest'], image)) ? valid : otherImage;
}

/** An in-toto digest set: hexadecimal digests by algorithm. */
function isDigest(set: unknown, image: Digest): boolean {
  const [algorithm = '', hex] = image.split(':');
  return fieldsOf(set)[algorithm] === hex;
}
