import { X509Certificate, constants, verify } from 'node:crypto';
import type { Digest } from '../oci/digest.ts';
import { type Fields, fieldsOf, timeOf } from '../oci/foreign-json.ts';
import type { TrustedCertificates, Verdict } from './signature.ts';

/**
 * Signatures of notation. Certificates must be valid now: countersignatures of time-stamping authorities are not read.
 * Formats: notaryproject/specifications, signature-specification.md and signature-envelope-jws.md.
 */

interface Envelope {
  /** Base64url, as signed. */
  readonly payload: string;
  readonly protected: string;
  readonly signature: string;
  readonly attributes: Fields;
  /** The certificate of the signature first. */
  readonly chain: readonly X509Certificate[];
}

const unreadable: Verdict = { refusal: 'an envelope of notation that cannot be read' };
/** Attributes that a verifier must understand, and this one does. */
const understood = ['io.cncf.notary.signingScheme', 'io.cncf.notary.expiry'];
const payloadType = 'application/vnd.cncf.notary.payload.v1+json';
const maxCertificates = 10;

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

function readEnvelope(document: Buffer): Envelope | undefined {
  try {
    const { payload, signature, ...fields } = fieldsOf(JSON.parse(document.toString()));
    const { x5c } = fieldsOf(fields['header']);
    const head = fields['protected'];
    if (typeof payload !== 'string' || typeof signature !== 'string' || typeof head !== 'string' || !Array.isArray(x5c))
      return undefined;
    const chain = x5c.slice(0, maxCertificates).map((der) => new X509Certificate(Buffer.from(String(der), 'base64')));
    return { payload, protected: head, signature, attributes: fieldsOf(parseSegment(head)), chain };
  } catch {
    return undefined;
  }
}

function parseSegment(base64url: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64url, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** Checks the signature by the key of the certificate (RFC 7518 section 3.1; the algorithms of notation). */
function isSigned({ payload, signature, attributes, ...envelope }: Envelope, { publicKey }: X509Certificate): boolean {
  const [, family, bits] = /^(PS|ES)(256|384|512)$/.exec(String(attributes['alg'])) ?? [];
  if (bits === undefined || publicKey.asymmetricKeyType !== (family === 'PS' ? 'rsa' : 'ec')) return false;
  const form =
    family === 'PS'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : { dsaEncoding: 'ieee-p1363' as const };
  const bytes = Buffer.from(`${envelope.protected}.${payload}`);
  return verify(`sha${bits}`, bytes, { key: publicKey, ...form }, Buffer.from(signature, 'base64url'));
}

const codeSigning = '1.3.6.1.5.5.7.3.3';

/** Returns the certificates from that of the signature to a trusted one; undefined if the chain is broken or leads to none. */
function trustedChain(
  [leaf, ...issuers]: readonly X509Certificate[],
  trusted: TrustedCertificates,
): readonly X509Certificate[] | undefined {
  // Certificates without the extension may sign everything.
  const usages = leaf?.keyUsage as readonly string[] | undefined;
  if (!leaf || (usages && !usages.includes(codeSigning))) return undefined;
  const chain = [leaf];
  for (const issuer of [...issuers, undefined]) {
    const last = chain.at(-1) ?? leaf;
    const anchor = trusted.find((one) => one.raw.equals(last.raw)) ?? trusted.find((one) => hasIssued(one, last));
    if (anchor) return anchor.raw.equals(last.raw) ? chain : [...chain, anchor];
    if (!issuer || !hasIssued(issuer, last)) return undefined;
    chain.push(issuer);
  }
  return undefined;
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
