import { type Digest, digestAlgorithm, digestOf } from '../../oci/digest.ts';

/**
 * True if `digest` is that of the signed payload of a Docker schema 1 manifest. Its name is the digest of what was signed,
 * not of the bytes with the signatures (libtrust's "pretty" JWS: `protected` says how long the payload is in the document,
 * and how it ended).
 */
export function isSignedPayloadOf(digest: Digest, bytes: Buffer): boolean {
  const payload = signedPayload(bytes);
  return payload !== undefined && digestOf(payload, digestAlgorithm(digest)) === digest;
}

interface Signed {
  readonly signatures?: readonly { readonly protected?: string }[];
}
interface Protected {
  readonly formatLength?: number;
  readonly formatTail?: string;
}

function signedPayload(bytes: Buffer): Buffer | undefined {
  try {
    const { signatures } = JSON.parse(bytes.toString()) as Signed;
    const encoded = Buffer.from(signatures?.[0]?.protected ?? '', 'base64url').toString();
    const { formatLength, formatTail } = JSON.parse(encoded) as Protected;
    if (formatLength === undefined || formatTail === undefined) return undefined;
    return Buffer.concat([bytes.subarray(0, formatLength), Buffer.from(formatTail, 'base64url')]);
  } catch {
    return undefined;
  }
}
