import { createLru } from '../coordination/lru.ts';
import { createSingleFlight } from '../coordination/single-flight.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';
import { type SignatureSource, readSignatures } from './read-signatures.ts';
import type { Signer } from './signature.ts';

/** Who has signed an image. */
export interface SignatureCheck {
  /** Name of the first signer of whom a signature was found; undefined: of none. */
  readonly signedBy: string | undefined;
  /** What was found instead, for people: `a signature by another key`. */
  readonly refusals: readonly string[];
}

/** Finds out who has signed an image. */
export interface SignatureVerifier {
  /**
   * Looks for a signature of the image by one of the signers. It can be in any repository that has the image: it is about the
   * digest. `repository` is searched first.
   */
  check(repository: RepositoryName, image: Digest, signers: readonly Signer[]): Promise<SignatureCheck>;
}

export interface SignatureVerifierOptions extends SignatureSource {
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** About 300 bytes each. */
const rememberedImages = 10_000;

/** Remembers who has signed an image: that stays true until a certificate ends. An unsigned image can be signed at any time. */
export function createSignatureVerifier({ now, ...source }: SignatureVerifierOptions): SignatureVerifier {
  const validUntil = createLru<number>(rememberedImages);
  const searches = createSingleFlight<SignatureCheck>();
  const keyOf = (image: Digest, { name }: Signer) => `${image} ${name}`;

  async function search(repository: RepositoryName, image: Digest, signers: readonly Signer[]): Promise<SignatureCheck> {
    const refusals = new Set<string>();
    for await (const signature of readSignatures(source, repository, image)) {
      for (const signer of signers) {
        const verdict = signer.verify(signature, image, now());
        if ('refusal' in verdict) {
          refusals.add(verdict.refusal);
          continue;
        }
        validUntil.set(keyOf(image, signer), verdict.validUntil);
        return { signedBy: signer.name, refusals: [] };
      }
    }
    return { signedBy: undefined, refusals: [...refusals] };
  }

  return {
    check(repository, image, signers) {
      const known = signers.find((signer) => (validUntil.get(keyOf(image, signer)) ?? 0) > now());
      if (known) return Promise.resolve({ signedBy: known.name, refusals: [] });
      const names = signers.map(({ name }) => name).join(' ');
      return searches.run(`${image} ${repository} ${names}`, () => search(repository, image, signers));
    },
  };
}
