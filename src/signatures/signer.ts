import type { KeyObject } from 'node:crypto';
import type { Digest } from '../oci/digest.ts';
import { verifyCosign } from './cosign.ts';
import { type NotationTrust, verifyNotation } from './notation.ts';
import type { CosignSignature, Signer, Verdict } from './signature.ts';

export interface SignerOptions {
  readonly name: string;
  /** Keys of cosign. */
  readonly keys: readonly KeyObject[];
  readonly notation: NotationTrust;
  /** Checks signatures by identities; undefined if there are none. */
  readonly verifyIdentity?: ((signature: CosignSignature, image: Digest) => Verdict) | undefined;
}

/** Creates a signer from what it signs with: one of the keys, certificates or identities is enough. */
export function createSigner({ name, keys, notation, verifyIdentity }: SignerOptions): Signer {
  return {
    name,
    verify(signature, image, now) {
      if (signature.kind === 'jws' || signature.kind === 'cose') return verifyNotation(signature, notation, image, now);
      const byKey = verifyCosign(signature, keys, image);
      if (!verifyIdentity || 'validUntil' in byKey) return byKey;
      const byIdentity = verifyIdentity(signature, image);
      return keys.length === 0 || 'validUntil' in byIdentity ? byIdentity : byKey;
    },
  };
}
