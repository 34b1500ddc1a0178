import { type Fields, fieldsOf, timeOf } from '../oci/foreign-json.ts';
import { type Envelope, attributes, parseCertificates } from './notation-envelope.ts';

/** Reads a JWS of notation (signature-envelope-jws.md). Throws for other documents. */
export function readJws(document: Buffer): Envelope {
  const { payload, protected: head, signature, header } = fieldsOf(JSON.parse(document.toString()));
  const { x5c, [attributes.timestamp]: timestamp } = fieldsOf(header);
  if (typeof payload !== 'string' || typeof head !== 'string' || typeof signature !== 'string' || !Array.isArray(x5c))
    throw new Error('not a JWS of notation');
  const signed: Fields = fieldsOf(JSON.parse(Buffer.from(head, 'base64url').toString()));
  return {
    algorithm: String(signed['alg']),
    signedBytes: Buffer.from(`${head}.${payload}`),
    signature: Buffer.from(signature, 'base64url'),
    contentType: signed['cty'],
    payload: Buffer.from(payload, 'base64url'),
    critical: Array.isArray(signed['crit']) ? (signed['crit'] as readonly unknown[]) : [],
    signingScheme: signed[attributes.signingScheme],
    expiry: readExpiry(signed),
    ...parseCertificates(x5c.map((der) => Buffer.from(String(der), 'base64'))),
    timestamp: typeof timestamp === 'string' ? Buffer.from(timestamp, 'base64') : undefined,
  };
}

function readExpiry(signed: Fields): number | undefined {
  if (signed[attributes.expiry] === undefined) return undefined;
  const expiry = timeOf(signed[attributes.expiry]);
  if (expiry === undefined) throw new Error('an expiry that is no time');
  return expiry;
}
