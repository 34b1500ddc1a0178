import { type Hash, createHash } from 'node:crypto';

/** Digests, `algorithm:hex` (image-spec, descriptor.md#digests). */

/** A well-formed digest of an algorithm that berth computes. */
export type Digest = string & { readonly __brand: 'Digest' };

export const digestAlgorithms = ['sha256', 'sha512'] as const;
export type DigestAlgorithm = (typeof digestAlgorithms)[number];

const hexLength: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 };

export function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return (digestAlgorithms as readonly string[]).includes(text);
}

/** Parses `sha256:…` or `sha512:…` with lower-case hex of the right length; otherwise undefined. */
export function parseDigest(text: string): Digest | undefined {
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, colon);
  if (!isDigestAlgorithm(algorithm)) return undefined;
  const hex = text.slice(colon + 1);
  return hex.length === hexLength[algorithm] && /^[0-9a-f]+$/.test(hex) ? (text as Digest) : undefined;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** Returns the digest of the bytes. */
export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return digestOfHash(createHash(algorithm).update(bytes), algorithm);
}

/** Returns the digest of what `hash`, made for `algorithm`, has been given. The hash cannot be used afterwards. */
export function digestOfHash(hash: Hash, algorithm: DigestAlgorithm): Digest {
  return `${algorithm}:${hash.digest('hex')}` as Digest;
}
