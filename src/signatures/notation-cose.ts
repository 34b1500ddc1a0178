import { type DecodeOptions, decode, encode } from 'cborg';
import { type Envelope, attributes, parseCertificates } from './notation-envelope.ts';

type CborMap = ReadonlyMap<unknown, unknown>;

/** Labels of headers (RFC 9052 section 3.1, RFC 9360). */
const labels = { algorithm: 1, critical: 2, contentType: 3, certificates: 33 } as const;

/** Algorithms of notation (RFC 9053, RFC 8230), by the names that JWS has for them. */
const algorithms: ReadonlyMap<unknown, string> = new Map([
  [-37, 'PS256'],
  [-38, 'PS384'],
  [-39, 'PS512'],
  [-7, 'ES256'],
  [-35, 'ES384'],
  [-36, 'ES512'],
]);

/** Tags: 18 is a COSE_Sign1, 1 a time in seconds since 1970. */
const strict: DecodeOptions = {
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  tags: { 18: (content) => content(), 1: (content) => content() },
};
const sign1Tag = 0xd2;

/** Reads a COSE_Sign1 of notation (signature-envelope-cose.md). Throws for other documents. */
export function readCose(document: Buffer): Envelope {
  if (document[0] !== sign1Tag) throw new Error('not a COSE_Sign1');
  const [head, unsigned, payload, signature] = decode(document, strict) as readonly unknown[];
  if (!isBytes(head) || !(unsigned instanceof Map) || !isBytes(payload) || !isBytes(signature))
    throw new Error('not a COSE_Sign1 with its payload');
  const signed = decode(head, strict) as unknown;
  if (!(signed instanceof Map)) throw new Error('a COSE_Sign1 without signed headers');
  const [headers, others] = [signed as CborMap, unsigned as CborMap];
  const critical = headers.get(labels.critical);
  const timestamp = others.get(attributes.timestamp);
  return {
    algorithm: algorithms.get(headers.get(labels.algorithm)) ?? '',
    signedBytes: Buffer.from(encode(['Signature1', head, new Uint8Array(), payload])),
    signature: Buffer.from(signature),
    contentType: headers.get(labels.contentType),
    payload: Buffer.from(payload),
    critical: Array.isArray(critical) ? (critical as readonly unknown[]) : [],
    signingScheme: headers.get(attributes.signingScheme),
    expiry: readExpiry(headers),
    ...parseCertificates(readCertificates(others.get(labels.certificates))),
    timestamp: isBytes(timestamp) ? Buffer.from(timestamp) : undefined,
  };
}

function readExpiry(headers: CborMap): number | undefined {
  if (!headers.has(attributes.expiry)) return undefined;
  const seconds = headers.get(attributes.expiry);
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) throw new Error('an expiry that is no time');
  return seconds * 1000;
}

/** A single certificate is not in a list. */
function readCertificates(value: unknown): readonly Buffer[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((der) => {
    if (!isBytes(der)) throw new Error('a certificate that is not in DER');
    return Buffer.from(der);
  });
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
