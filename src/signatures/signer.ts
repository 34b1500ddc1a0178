import type { KeyObject } from 'node:crypto';
import { verifyCosign } from './cosign.ts';
import { verifyNotation } from './notation.ts';
import type { Signer, TrustedCertificates } from './signature.ts';

export interface SignerOptions {
  readonly name: string;
  /** Keys of cosign. */
  readonly keys: readonly KeyObject[];
  /** Certificates of notation, or of authorities that issue them. */
  readonly certificates: TrustedCertificates;
}

/** Creates a signer from what it signs with: one of the keys or certificates is enough. */
export function createSigner({ name, keys, certificates }: SignerOptions): Signer {
  return {
    name,
    verify: (signature, image, now) =>
      signature.kind === 'jws'
        ? verifyNotation(signature.document, certificates, image, now)
        : verifyCosign(signature, keys, image),
  };
}
