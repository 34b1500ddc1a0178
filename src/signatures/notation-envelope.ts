import { X509Certificate, constants, verify } from 'node:crypto';
import { type Fields, fieldsOf } from '../oci/foreign-json.ts';

/** A JWS of notation. */
interface Envelope {
  /** Base64url, as signed. */
  readonly payload: string;
  readonly protected: string;
  readonly signature: string;
  readonly attributes: Fields;
  /** The certificate of the signature first. */
  readonly chain: readonly X509Certificate[];
}

const maxCertificates = 10;

/** Reads a JWS; undefined if it cannot be read. */
export function readEnvelope(document: Buffer): Envelope | undefined {
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

/** Parses JSON in Base64url; undefined if it cannot be read. */
export function parseSegment(base64url: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64url, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** Checks the signature by the key of the certificate (RFC 7518 section 3.1; the algorithms of notation). */
export function isSigned({ payload, signature, attributes, ...envelope }: Envelope, { publicKey }: X509Certificate): boolean {
  const [, family, bits] = /^(PS|ES)(256|384|512)$/.exec(String(attributes['alg'])) ?? [];
  if (bits === undefined || publicKey.asymmetricKeyType !== (family === 'PS' ? 'rsa' : 'ec')) return false;
  const form =
    family === 'PS'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : { dsaEncoding: 'ieee-p1363' as const };
  const bytes = Buffer.from(`${envelope.protected}.${payload}`);
  return verify(`sha${bits}`, bytes, { key: publicKey, ...form }, Buffer.from(signature, 'base64url'));
}
