import { createLru } from '../coordination/lru.ts';
import { createSingleFlight } from '../coordination/single-flight.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';
import { type SignatureSource, readSignatures } from './read-signatures.ts';
import type { Signer } from './signature.ts';

/** Finds out who has signed an image. */
export interface SignatureVerifier {
  /**
   * Resolves to undefined if one of the signers has signed the image; otherwise to what was found instead, for people:
   * `a signature by another key`. The signature can be in any repository that has the image: it is about the digest.
   * `repository` is searched first.
   */
  findRefusals(repository: RepositoryName, image: Digest, signers: readonly Signer[]): Promise<readonly string[] | undefined>;
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
  const searches = createSingleFlight<readonly string[] | undefined>();
  const keyOf = (image: Digest, { name }: Signer) => `${image} ${name}`;

  async function search(repository: RepositoryName, image: Digest, signers: readonly Signer[]) {
    const refusals = new Set<string>();
    for await (const signature of readSignatures(source, repository, image)) {
      for (const signer of signers) {
        const verdict = signer.verify(signature, image, now());
        if ('refusal' in verdict) {
          refusals.add(verdict.refusal);
          continue;
        }
        validUntil.set(keyOf(image, signer), verdict.validUntil);
        return undefined;
      }
    }
    return [...refusals];
  }

  return {
    findRefusals(repository, image, signers) {
      if (signers.some((signer) => (validUntil.get(keyOf(image, signer)) ?? 0) > now())) return Promise.resolve(undefined);
      const names = signers.map(({ name }) => name).join(' ');
      return searches.run(`${image} ${repository} ${names}`, () => search(repository, image, signers));
    },
  };
}
