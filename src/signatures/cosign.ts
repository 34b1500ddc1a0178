import { type KeyObject, verify } from 'node:crypto';
import type { Digest } from '../oci/digest.ts';
import { signaturePredicate } from '../oci/document-types.ts';
import { fieldsOf } from '../oci/foreign-json.ts';
import type { Signature, Verdict } from './signature.ts';

const valid: Verdict = { validUntil: Infinity };
const otherKey: Verdict = { refusal: 'a signature by another key' };

/**
 * Signatures that cosign makes with a key. Their entries in a transparency log are not looked at: the operator has chosen the
 * keys. Formats: cosign's SIGNATURE_SPEC.md; Sigstore's bundle with a DSSE envelope around an in-toto statement.
 */

type CosignSignature = Exclude<Signature, { kind: 'jws' }>;

/** Checks whether one of the keys has signed the image. */
export function verifyCosign(signature: CosignSignature, keys: readonly KeyObject[], image: Digest): Verdict {
  if (signature.kind === 'bundle') return verifyBundle(signature.document, keys, image);
  const { payload, value } = signature;
  if (!keys.some((key) => isSigned(payload, value, key))) return otherKey;
  const critical = fieldsOf(fieldsOf(parseJson(payload))['critical']);
  return fieldsOf(critical['image'])['docker-manifest-digest'] === image ? valid : otherImage;
}

const otherImage: Verdict = { refusal: 'a signature of another image' };

const statementType = 'application/vnd.in-toto+json';

function verifyBundle(document: Buffer, keys: readonly KeyObject[], image: Digest): Verdict {
  const { payload, payloadType, signatures } = fieldsOf(fieldsOf(parseJson(document))['dsseEnvelope']);
  if (typeof payload !== 'string' || payloadType !== statementType || !Array.isArray(signatures))
    return { refusal: 'a Sigstore bundle without a signed statement' };
  const bytes = Buffer.from(payload, 'base64');
  const signed = preAuthenticationEncoding(payloadType, bytes);
  const values = signatures.map((one) => fieldsOf(one)['sig']).filter((value) => typeof value === 'string');
  if (!values.some((value) => keys.some((key) => isSigned(signed, value, key)))) return otherKey;
  const { predicateType, subject } = fieldsOf(parseJson(bytes));
  // Attestations are bundles, too.
  if (predicateType !== signaturePredicate) return { refusal: 'an attestation, which is no signature' };
  return Array.isArray(subject) && subject.some((one) => isDigest(fieldsOf(one)['digest'], image)) ? valid : otherImage;
}

/** What DSSE signs (dsse/protocol.md, "PAE"). */
function preAuthenticationEncoding(type: string, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}

/** An in-toto digest set: hexadecimal digests by algorithm. */
function isDigest(set: unknown, image: Digest): boolean {
  const [algorithm = '', hex] = image.split(':');
  return fieldsOf(set)[algorithm] === hex;
}

function isSigned(bytes: Buffer, base64: string, key: KeyObject): boolean {
  const hash = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  try {
    return verify(hash, bytes, key, Buffer.from(base64, 'base64'));
  } catch {
    return false;
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
