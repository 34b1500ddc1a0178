import type { Digest } from '../oci/digest.ts';
import { fieldsOf, timeOf } from '../oci/foreign-json.ts';
import { trustedChain } from './certificate-chain.ts';
import { isSigned, parseSegment, readEnvelope } from './notation-envelope.ts';
import type { TrustedCertificates, Verdict } from './signature.ts';

/**
 * Signatures of notation. Certificates must be valid now: countersignatures of time-stamping authorities are not read.
 * Formats: notaryproject/specifications, signature-specification.md and signature-envelope-jws.md.
 */

const unreadable: Verdict = { refusal: 'an envelope of notation that cannot be read' };
/** Attributes that a verifier must understand, and this one does. */
const understood = ['io.cncf.notary.signingScheme', 'io.cncf.notary.expiry'];
const payloadType = 'application/vnd.cncf.notary.payload.v1+json';

/** Checks a JWS: whether one of `trusted`, or a certificate that one of them has issued, has signed the image. */
export function verifyNotation(document: Buffer, trusted: TrustedCertificates, image: Digest, now: number): Verdict {
  const envelope = readEnvelope(document);
  const [leaf] = envelope?.chain ?? [];
  if (!envelope || !leaf) return unreadable;
  if (!isSigned(envelope, leaf)) return { refusal: 'an envelope of notation whose signature is wrong' };
  const { attributes } = envelope;
  const critical = Array.isArray(attributes['crit']) ? (attributes['crit'] as readonly unknown[]) : [];
  if (!critical.every((one) => typeof one === 'string' && understood.includes(one)) || attributes['cty'] !== payloadType)
    return unreadable;
  if (attributes['io.cncf.notary.signingScheme'] !== 'notary.x509') return { refusal: 'a signature of a signing authority' };
  const target = fieldsOf(fieldsOf(parseSegment(envelope.payload))['targetArtifact']);
  if (target['digest'] !== image) return { refusal: 'a signature of another image' };
  const expiry = timeOf(attributes['io.cncf.notary.expiry']) ?? Infinity;
  if (expiry <= now) return { refusal: 'a signature that has expired' };
  const chain = trustedChain(envelope.chain, trusted);
  if (!chain) return { refusal: 'a signature by a certificate that is not trusted' };
  const validUntil = Math.min(expiry, ...chain.map(({ validToDate }) => validToDate.getTime()));
  if (validUntil <= now || chain.some(({ validFromDate }) => validFromDate.getTime() > now))
    return { refusal: 'a signature by a certificate that is not valid now' };
  return { validUntil };
}
