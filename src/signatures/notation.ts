import { type X509Certificate, constants, verify } from 'node:crypto';
import type { Digest } from '../oci/digest.ts';
import { fieldsOf } from '../oci/foreign-json.ts';
import { isChainValidAt, trustedChain } from './certificate-chain.ts';
import { readCose } from './notation-cose.ts';
import { type Envelope, attributes } from './notation-envelope.ts';
import { readJws } from './notation-jws.ts';
import { provenTime } from './notation-timestamp.ts';
import type { Signature, TrustedCertificates, Verdict } from './signature.ts';

/**
 * Signatures of notation. Certificates must be valid now, or at the time that a time stamp proves.
 * Formats: notaryproject/specifications, signature-specification.md, signature-envelope-jws.md and signature-envelope-cose.md.
 */
export type NotationSignature = Extract<Signature, { kind: 'jws' | 'cose' }>;

export interface NotationTrust {
  /** Certificates that sign, or that issue such certificates. */
  readonly certificates: TrustedCertificates;
  /** Certificates of time-stamping authorities, or of those that certify them. */
  readonly timestampCertificates: TrustedCertificates;
}

const unreadable: Verdict = { refusal: 'an envelope of notation that cannot be read' };
const understood: readonly unknown[] = [attributes.signingScheme, attributes.expiry];
const payloadType = 'application/vnd.cncf.notary.payload.v1+json';

/** Checks an envelope: whether a trusted certificate, or one that a trusted one has issued, has signed the image. */
export function verifyNotation(signature: NotationSignature, trust: NotationTrust, image: Digest, now: number): Verdict {
  const envelope = readEnvelope(signature);
  if (!envelope) return unreadable;
  try {
    return verifyEnvelope(envelope, trust, image, now);
  } catch {
    // Of keys and certificates that OpenSSL cannot use.
    return unreadable;
  }
}

function verifyEnvelope(envelope: Envelope, trust: NotationTrust, image: Digest, now: number): Verdict {
  if (!isSigned(envelope)) return { refusal: 'an envelope of notation whose signature is wrong' };
  if (!envelope.critical.every((one) => understood.includes(one)) || envelope.contentType !== payloadType) return unreadable;
  if (envelope.signingScheme !== 'notary.x509') return { refusal: 'a signature of a signing authority' };
  if (targetOf(envelope) !== image) return { refusal: 'a signature of another image' };
  const { certificate, issuers, expiry = Infinity } = envelope;
  if (expiry <= now) return { refusal: 'a signature that has expired' };
  const chain = trustedChain(certificate, issuers, trust.certificates, 'codeSigning');
  if (!chain) return { refusal: 'a signature by a certificate that is not trusted' };
  if (wasValidWhenStamped(envelope, chain, trust)) return { validUntil: expiry };
  if (!isChainValidAt(chain, now)) return { refusal: 'a signature by a certificate that is not valid now' };
  return { validUntil: Math.min(expiry, ...chain.map(({ validToDate }) => validToDate.getTime())) };
}

/** Returns the envelope; undefined for what is none. Nothing of it is checked. */
export function readEnvelope({ kind, document }: NotationSignature): Envelope | undefined {
  try {
    return kind === 'cose' ? readCose(document) : readJws(document);
  } catch {
    return undefined;
  }
}

function targetOf({ payload }: Envelope): unknown {
  try {
    return fieldsOf(fieldsOf(JSON.parse(payload.toString()))['targetArtifact'])['digest'];
  } catch {
    return undefined;
  }
}

/** Checks the signature by the key of the certificate (RFC 7518 section 3.1; the algorithms of notation). */
function isSigned({ algorithm, signedBytes, signature, certificate: { publicKey } }: Envelope): boolean {
  const [, family, bits] = /^(PS|ES)(256|384|512)$/.exec(algorithm) ?? [];
  if (bits === undefined || publicKey.asymmetricKeyType !== (family === 'PS' ? 'rsa' : 'ec')) return false;
  const form =
    family === 'PS'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : { dsaEncoding: 'ieee-p1363' as const };
  return verify(`sha${bits}`, signedBytes, { key: publicKey, ...form }, signature);
}

function wasValidWhenStamped(
  { timestamp, signature }: Envelope,
  chain: readonly X509Certificate[],
  trust: NotationTrust,
): boolean {
  const time = timestamp && provenTime(timestamp, signature, trust.timestampCertificates);
  return time !== undefined && isChainValidAt(chain, time.earliest) && isChainValidAt(chain, time.latest);
}
