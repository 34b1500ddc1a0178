import { type KeyObject, verify } from 'node:crypto';
import type { Digest } from '../oci/digest.ts';
import { signaturePredicate } from '../oci/document-types.ts';
import { fieldsOf } from '../oci/foreign-json.ts';
import type { Signature, Verdict } from './signature.ts';

const valid: Verdict = { validUntil: Infinity };
const otherKey: Verdict = { refusal: 'a signature by another key' };
const otherImage: Verdict = { refusal: 'a signature of another image' };
const noStatement: Verdict = { refusal: 'a Sigstore bundle without a signed statement' };
const statementType = 'application/vnd.in-toto+json';

/** Formats: cosign's SIGNATURE_SPEC.md; Sigstore's bundle with a DSSE envelope around an in-toto statement. */
export type CosignSignature = Exclude<Signature, { kind: 'jws' }>;

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

function readEnvelope(document: Buffer) {
  const { payload, payloadType, signatures } = fieldsOf(fieldsOf(parseJson(document))['dsseEnvelope']);
  if (typeof payload !== 'string' || payloadType !== statementType || !Array.isArray(signatures)) return undefined;
  const values = signatures.map((one) => fieldsOf(one)['sig']).filter((value) => typeof value === 'string');
  return { statement: Buffer.from(payload, 'base64'), values };
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
